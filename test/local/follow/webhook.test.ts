import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startWebhook } from '../../../local/follow/webhook.ts'
import type { LocalServer } from '../../../local/http.ts'
import { openQueue } from '../../../local/sqs/queue.ts'

const queue = openQueue(new DatabaseSync(':memory:'), 'events')
const secret = 'the secret'
const body = JSON.stringify({ EventName: 's3:ObjectCreated:Put', Key: 'docs/a', Records: [{}] })
let webhook: LocalServer

beforeAll(async () => {
  webhook = await startWebhook({ port: 0, secret: encodeURIComponent(secret), queue })
})
beforeEach(() => queue.purge())
afterAll(() => webhook.close())

const post = (path: string, init: RequestInit = {}) => fetch(`${webhook.url}${path}`, { method: 'POST', body, ...init })

describe('a notification', () => {
  test.each([
    ['in the path, as Ceph sends it', '/events/the%20secret', {}],
    ['as a bearer token, as MinIO sends it', '/events', { authorization: 'Bearer the%20secret' }],
    ['as a bare token', '/events', { authorization: 'the%20secret' }],
  ])('with the secret %s is in the queue when it is answered', async (_, path, headers) => {
    const response = await post(path, { headers: headers as Record<string, string> })
    expect([response.status, queue.messages().map(message => message.body)]).toEqual([200, [body]])
  })

  test.each([
    ['without the secret', 401, '/events', {}],
    ['with another secret', 401, '/events/other', {}],
    ['of a web page', 403, '/events/the%20secret', { headers: { origin: 'https://example.com' } }],
    ['to another path', 404, '/', {}],
    ['that is no notification', 400, '/events/the%20secret', { body: '{"hello":"world"}' }],
    ['that is not JSON', 400, '/events/the%20secret', { body: 'hello' }],
    ['that is larger than a message can be', 413, '/events/the%20secret', { body: `{"Records":["${'x'.repeat(1024 * 1024)}"]}` }],
    ['by PUT', 405, '/events/the%20secret', { method: 'PUT' }],
  ])('%s is refused with %i', async (_, status, path, init) => {
    expect((await post(path, init as RequestInit)).status).toBe(status)
    expect(queue.messages()).toEqual([])
  })
})
