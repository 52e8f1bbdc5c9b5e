import { createServer, request } from 'node:http'
import type { APIGatewayProxyEvent } from 'aws-lambda'
import { afterEach, describe, expect, test } from 'vitest'
import { readCaller } from '../../functions/http/caller.ts'
import { startApi } from '../../local/api/server.ts'
import type { LocalServer } from '../../local/http.ts'

let server: LocalServer | undefined

afterEach(() => server?.close())

/** An API that returns the event. */
async function echo(): Promise<string> {
  server = await startApi({ handler: async event => ({ statusCode: 200, body: JSON.stringify(event) }), user: 'ann' })
  return server.url
}

/** With a Host of its own, which fetch does not allow. */
function get(url: string, host: string): Promise<number | undefined> {
  const answered = Promise.withResolvers<number | undefined>()
  request(url, { headers: { host } }, response => {
    response.resume()
    answered.resolve(response.statusCode)
  })
    .on('error', answered.reject)
    .end()
  return answered.promise
}

test('a request becomes the event of API Gateway’s proxy integration', async () => {
  const url = await echo()
  const response = await fetch(`${url}/a%20b?x=1&x=2&y=a+b%2B&z&__proto__=p`, {
    method: 'POST',
    body: 'h\u00e9',
    headers: { 'X-Custom': '1' },
  })
  const event = (await response.json()) as APIGatewayProxyEvent
  expect(event).toMatchObject({
    resource: '/{proxy+}',
    path: '/a b',
    httpMethod: 'POST',
    queryStringParameters: { x: '2', y: 'a b+', z: '' },
    multiValueQueryStringParameters: { x: ['1', '2'], y: ['a b+'], z: [''] },
    headers: { 'X-Custom': '1' },
    multiValueHeaders: { 'X-Custom': ['1'] },
    stageVariables: null,
    requestContext: { httpMethod: 'POST', path: '/a b', identity: { sourceIp: '127.0.0.1', user: 'ann', userAgent: 'node' } },
    body: 'h\u00e9',
    isBase64Encoded: false,
  })
  expect(event.requestContext.requestId).toMatch(/^[0-9a-f-]{36}$/)
})

test('where there is nothing there is null', async () => {
  const event = await (await fetch(await echo())).json()
  expect(event).toMatchObject({
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
    body: null,
    isBase64Encoded: false,
  })
})

test('a body that is not UTF-8 arrives as base64, and a response in base64 is sent as bytes', async () => {
  server = await startApi({
    handler: async ({ body, isBase64Encoded }) => ({
      statusCode: 201,
      multiValueHeaders: { 'set-cookie': ['a=1', 'b=2'] },
      body: body ?? '',
      isBase64Encoded,
    }),
  })
  const bytes = new Uint8Array([0, 255, 128])
  const response = await fetch(server.url, { method: 'POST', body: bytes })
  expect([response.status, response.headers.getSetCookie(), new Uint8Array(await response.arrayBuffer())]).toEqual([
    201,
    ['a=1', 'b=2'],
    bytes,
  ])
})

describe('only loopback host names are accepted', () => {
  test.each(['localhost', 'catalog.localhost:8080', '127.0.0.1', '127.9.9.9:1', '[::1]:8080', 'LOCALHOST'])('%s', async host => {
    expect(await get(await echo(), host)).toBe(200)
  })

  test.each(['example.com', 'localhost.example.com', '127.0.0.1.example.com', '10.0.0.1', '[::2]'])('not %j', async host => {
    expect(await get(await echo(), host)).toBe(403)
  })
})

test('a port in use is an error that names it and the variable that chooses another', async () => {
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  const address = other.address()
  const port = typeof address === 'object' && address ? address.port : 0
  await expect(startApi({ port, handler: async () => ({ statusCode: 200, body: '' }) })).rejects.toThrow(
    `Port ${port} for the API is in use: stop the program that listens on it, or choose another port with --api-port or CATALOG_API_PORT`,
  )
  other.close()
})

test('closing lets the requests under way finish', async () => {
  const started = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const slow = await startApi({
    handler: async () => {
      started.resolve()
      await finish.promise
      return { statusCode: 200, body: 'done' }
    },
  })
  const answer = fetch(slow.url)
  await started.promise
  const closed = slow.close()
  finish.resolve()
  expect(await (await answer).text()).toBe('done')
  await closed
})

describe('the caller is', () => {
  const identity = { sourceIp: '203.0.113.7', userAgent: 'ua', userArn: null, user: null }
  const at = { ipAddress: '203.0.113.7', userAgent: 'ua' }
  test.each([
    [
      'the subject of Cognito’s claims',
      { authorizer: { claims: { sub: 's', 'cognito:username': 'ann', email: 'a@b' } }, identity },
      's',
      'ann',
    ],
    ['their mail address where they have no name', { authorizer: { claims: { sub: 's', email: 'a@b' } }, identity }, 's', 'a@b'],
    [
      'the ARN that IAM knows, and the name in it',
      { authorizer: null, identity: { ...identity, userArn: 'arn:aws:sts::1:assumed-role/role/ann' } },
      'arn:aws:sts::1:assumed-role/role/ann',
      'ann',
    ],
    ['the principal of an authorizer', { authorizer: { principalId: 'p' }, identity }, 'p', 'p'],
    ['nobody', { authorizer: undefined, identity }, null, null],
  ])('%s', (_, context, userId, userName) => {
    expect(readCaller(context as never)).toEqual({ userId, userName, ...at })
  })
})
