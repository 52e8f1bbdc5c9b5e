import type { S3Client } from '@aws-sdk/client-s3'
import { apiHandler } from '../../functions/http/handler.ts'
import type { ApiDependencies } from '../../functions/http/operation.ts'
import { startApi } from '../../local/api/server.ts'
import type { Client } from '../../shared/database/connection.ts'
import { databaseTest } from '../support/postgres/database.ts'

/** A JSON object. */
export type Fields = Record<string, unknown>

/** What an answer was: its parsed body (undefined where there is none), and of that what lists and errors have. */
export type Answer = {
  status: number
  headers: Headers
  text: string
  json: unknown
  items: Fields[]
  nextCursor: string
  error: { code?: string; message?: string; requestId?: string }
}

/** One request; `query` may repeat a name, `body` is sent as JSON unless it is text. */
export type Ask = (
  method: string,
  path: string,
  options?: { query?: Record<string, string | string[] | undefined>; body?: unknown; headers?: Record<string, string> },
) => Promise<Answer>

/** Starts the API for one test's database on a free port. */
export async function testApi(sql: Client, parts: Partial<ApiDependencies> = {}) {
  const noS3 = () => Promise.reject<S3Client>(new Error('this test has no S3'))
  const handler = apiHandler({ sql, s3: noS3, startRun: async () => undefined, defaultBucket: 'archive', ...parts })
  const server = await startApi({ handler, user: 'ann' })
  const ask: Ask = async (method, path, { query = {}, body, headers = {} } = {}) => {
    const response = await fetch(`${server.url}${path}${search(query)}`, {
      method,
      redirect: 'manual',
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    })
    const text = await response.text()
    const json = text === '' ? undefined : JSON.parse(text)
    const { items = [], nextCursor, error = {} } = json ?? {}
    return { status: response.status, headers: response.headers, text, json, items, nextCursor, error }
  }
  return { ask, url: server.url, close: () => server.close() }
}

/** `apiTest('a claim', async ({ ask, sql }) => { ... })`: an API of its own, on a database of its own. */
export const apiTest = databaseTest.extend<{ api: Awaited<ReturnType<typeof testApi>>; ask: Ask }>({
  api: async ({ sql }, use) => {
    const api = await testApi(sql)
    await use(api)
    await api.close()
  },
  ask: async ({ api }, use) => use(api.ask),
})

function search(query: Record<string, string | string[] | undefined>): string {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values ?? []].flat().map(value => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  )
  return pairs.length > 0 ? `?${pairs.join('&')}` : ''
}
