import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createApiFetch, resolveApiAuth } from '../../cli/connect/api-fetch.ts'
import { startCommand } from './catalog.ts'

const AWS = 'https://a1b2c3.execute-api.eu-central-1.amazonaws.com/v1'

test.each([
  ['requests to this machine are not authenticated', 'http://127.0.0.1:8080', {}, { type: 'none' }],
  ['requests to AWS are signed for the region in the host name', AWS, {}, { type: 'iam', region: 'eu-central-1' }],
  ['requests through a VPC endpoint too', AWS.replace('a1b2c3', 'a1b2c3-vpce-9'), {}, { type: 'iam', region: 'eu-central-1' }],
  [
    'requests to a custom domain are signed for the default region',
    'https://api.example.com',
    {},
    { type: 'iam', region: 'default' },
  ],
  [
    'the region of a host name that only resembles one of AWS is not used',
    AWS.replace('.com', '.com.evil.example'),
    {},
    { type: 'iam', region: 'default' },
  ],
  ['a token replaces the signature', AWS, { CATALOG_API_TOKEN: 'id' }, { type: 'token', token: 'id' }],
  [
    'CATALOG_API_AUTH=iam wins over a token',
    AWS,
    { CATALOG_API_TOKEN: 'id', CATALOG_API_AUTH: 'iam' },
    { type: 'iam', region: 'eu-central-1' },
  ],
  ['CATALOG_API_AUTH=none wins over a token', AWS, { CATALOG_API_TOKEN: 'id', CATALOG_API_AUTH: 'none' }, { type: 'none' }],
  [
    'CATALOG_API_AUTH=iam signs requests to this machine too',
    'http://localhost:1',
    { CATALOG_API_AUTH: 'iam' },
    { type: 'iam', region: 'default' },
  ],
])('%s', (_, url, env, expected) => {
  expect(resolveApiAuth(url, 'default', env)).toEqual(expected)
})

test('a token is not sent without TLS', () => {
  expect(() => resolveApiAuth('http://api.example.com', 'default', { CATALOG_API_TOKEN: 'id' })).toThrow('is not encrypted')
})

test('an unknown CATALOG_API_AUTH is an error', () => {
  expect(() => resolveApiAuth(AWS, 'default', { CATALOG_API_AUTH: 'basic' })).toThrow(
    'CATALOG_API_AUTH must be iam or none, not basic',
  )
})

test('a signed request carries the signature that AWS computes, whatever its query holds', async () => {
  await using api = await listeningApi()
  const env = { AWS_ACCESS_KEY_ID: 'ID', AWS_SECRET_ACCESS_KEY: 'SECRET', AWS_SESSION_TOKEN: 'SESSION', AWS_REGION: 'eu-west-1' }
  const { stderr } = await startCommand(['search', "a+b it's", 'é (1)*!', '--json', '--api', api.url], {
    ...env,
    CATALOG_API_AUTH: 'iam',
  }).ended
  expect(stderr).toBe('')
  const [{ url = '', headers } = {} as IncomingMessage] = api.requests
  const date = String(headers['x-amz-date'])
  const signed = { host: String(headers.host), 'x-amz-date': date, 'x-amz-security-token': 'SESSION' }
  expect(headers['x-amz-security-token']).toBe('SESSION')
  expect(headers.authorization?.split(', ')).toEqual([
    `AWS4-HMAC-SHA256 Credential=ID/${date.slice(0, 8)}/eu-west-1/execute-api/aws4_request`,
    'SignedHeaders=host;x-amz-date;x-amz-security-token',
    `Signature=${signature(url, signed, 'SECRET', 'eu-west-1')}`,
  ])
  expect(new URL(url, api.url).searchParams.get('q')).toBe("a+b it's é (1)*!")
})

test('the signature covers the body', async () => {
  await using api = await listeningApi()
  const credentials = { accessKeyId: 'ID', secretAccessKey: 'SECRET' }
  const send = createApiFetch({ apiUrl: api.url, region: 'eu-west-1', credentials }, { CATALOG_API_AUTH: 'iam' })
  const init = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } }
  expect((await send(`${api.url}/hooks`, init)).status).toBe(200)
  const [{ url = '', headers } = {} as IncomingMessage] = api.requests
  const signed = { host: String(headers.host), 'x-amz-date': String(headers['x-amz-date']) }
  expect(headers.authorization).toContain(`Signature=${signature(url, signed, 'SECRET', 'eu-west-1', 'POST', init.body)}`)
  expect(headers['content-type']).toBe('application/json')
})

test('a token is sent unchanged', async () => {
  await using api = await listeningApi()
  await startCommand(['stats', '--json', '--api', api.url], { CATALOG_API_TOKEN: 'header.claims.signature' }).ended
  expect(api.requests.map(({ headers }) => headers.authorization)).toEqual(['header.claims.signature'])
})

test('a local catalog gets neither token nor signature', async () => {
  await using api = await listeningApi()
  const env = { AWS_ACCESS_KEY_ID: 'ID', AWS_SECRET_ACCESS_KEY: 'SECRET' }
  await startCommand(['stats', '--json', '--api', api.url], env).ended
  expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([undefined])
})

/** Responds to every request like a catalog with one object. */
async function listeningApi() {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request.resume())
    response.end(JSON.stringify({ items: [{}], nextCursor: null, versions: 1, deleteMarkers: 0 }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, requests, [Symbol.asyncDispose]: async () => void server.close() }
}

/** AWS's IAM user guide, "Create a signed AWS API request", step by step. */
function signature(
  url: string,
  headers: Record<string, string> & { 'x-amz-date': string },
  secret: string,
  region: string,
  method = 'GET',
  body = '',
): string {
  const { pathname, searchParams } = new URL(url, 'http://any')
  const encoded = (text: string) =>
    encodeURIComponent(text).replaceAll(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
  const query = [...searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort()
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
  const names = Object.keys(headers).join(';')
  const canonical = [method, pathname, query.join('&'), lines.join(''), names, sha256(body)].join('\n')
  const [date, day] = [headers['x-amz-date'], headers['x-amz-date'].slice(0, 8)]
  const text = ['AWS4-HMAC-SHA256', date, `${day}/${region}/execute-api/aws4_request`, sha256(canonical)].join('\n')
  const steps = [day, region, 'execute-api', 'aws4_request']
  const key = steps.reduce<Buffer>((key, step) => createHmac('sha256', key).update(step).digest(), Buffer.from(`AWS4${secret}`))
  return createHmac('sha256', key).update(text).digest('hex')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
