import { PutObjectCommand } from '@aws-sdk/client-s3'
import { expect, onTestFinished, vi } from 'vitest'
import { type OperationId, type Route, routes } from '../../../shared/api/routes.ts'
import { recordVersion } from '../../../shared/catalog/versions.ts'
import { connect } from '../../../shared/database/connection.ts'
import { DATABASE_ROLES } from '../../../shared/database/roles.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { fc } from '../../support/random.ts'
import { makeBucket, testS3 } from '../../support/s3/bucket.ts'
import { testApi } from '../api-client.ts'
import { burst, type FuzzRequest, isAccepted, operationRequest, rawRequest, textOf } from './requests.ts'
import { KEYS_IN_S3 } from './values.ts'

/** `.ci/run` sends 20,000. The seed is CATALOG_SEED. */
const REQUESTS = Number(process.env.CATALOG_FUZZ_REQUESTS ?? 300)

const SEED = fc.readConfigureGlobal()?.seed

/** Why an input that its schemas accept is refused with 400 all the same, as docs/api.md says. */
const REASONS: Partial<Record<OperationId, RegExp>> = {
  searchObjects: /^A search |^unbalanced |^a distance is |^nothing |^cursor /,
  listObjects: /^cursor |^delimiter must not contain/,
  listVersions: /^cursor /,
  getAuditLogs: /^cursor |^from must not be after to$/,
  getHookStatistics: /^cursor |^from must not be after to$/,
  listBuckets: /^cursor /,
  listReconciles: /^cursor /,
  listDifferences: /^cursor /,
  forgetVersions: /^all needs |^key is required/,
  // S3's own rules of tags.
  annotateVersion: /tag/i,
  logAudit: /^occurredAt is in the future$/,
}

test('no request, valid or hostile, makes the API fail or say what it does not document', { timeout: 1_200_000 }, async ({
  database,
}) => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  onTestFinished(() => log.mockRestore())
  const sql = connect({ url: database.url, role: DATABASE_ROLES.api, max: 2 })
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'archive', 'Enabled')
  for (const key of KEYS_IN_S3) {
    const { VersionId: versionId = '' } = await bucket.s3.send(new PutObjectCommand({ Bucket: 'archive', Key: key, Body: 'one' }))
    await recordVersion(database.sql, { bucket: 'archive', key, versionId, size: 3 })
  }
  const api = await testApi(sql, { s3: async () => bucket.s3 })
  onTestFinished(async () => {
    await api.close()
    await sql.end()
  })
  const cursors: Record<string, string[]> = {}
  const succeeded = new Set<OperationId>()
  const faults: string[] = []
  const alone = fc.oneof({ weight: 9, arbitrary: operationRequest }, { weight: 1, arbitrary: rawRequest })
  const some = fc.oneof({ weight: 200, arbitrary: alone.map(request => [request]) }, { weight: 1, arbitrary: burst })
  const requests = fc.sample(some, REQUESTS).flat().slice(0, REQUESTS)
  // At the end every list is read once more: what was stored must not have broken it for good.
  for (const [n, request] of [...requests, ...plainReads()].entries()) {
    const answer = await send(api.url, request, cursors[request.path] ?? [])
    const logged = log.mock.calls.splice(0).map(([line]) => String(line).slice(0, 600))
    const fault = faultOf(request, answer)
    if (fault)
      faults.push(
        [
          `${fault}: request ${n} of seed ${SEED}: ${request.method} ${answer.url.slice(0, 300)}`,
          bodyText(request),
          answer.text.slice(0, 300),
          ...logged,
        ].join('\n  '),
      )
    if (request.id && answer.status < 400) succeeded.add(request.id)
    if (answer.json?.nextCursor) cursors[request.path] = [...(cursors[request.path] ?? []).slice(-99), answer.json.nextCursor]
  }
  expect(faults.length, `${faults.length} faults of ${requests.length} requests, of them\n${distinct(faults).join('\n')}\n`).toBe(
    0,
  )
  // So many reach every operation's success; few may not.
  if (REQUESTS >= 5000) expect([...succeeded].sort()).toEqual(Object.keys(routes).sort())
})

type FuzzAnswer = {
  status: number
  url: string
  headers: Headers
  text: string
  json: { items?: unknown; nextCursor?: string | null; error?: Record<string, unknown> } | undefined
  accepted: boolean
}

async function send(url: string, request: FuzzRequest, cursors: string[]): Promise<FuzzAnswer> {
  const query = request.query.map(([name, value]): [string, string] => [name, textOf(value, cursors)])
  const pairs = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value.toWellFormed())}`)
  const target = `${request.path}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`
  const hasBody = request.body !== undefined && request.method !== 'GET' && request.method !== 'HEAD'
  const response = await fetch(url + target, {
    method: request.method,
    redirect: 'manual',
    headers: request.headers,
    ...(hasBody && { body: 'json' in request.body! ? JSON.stringify(request.body.json) : request.body!.raw }),
  })
  const text = await response.text()
  const isAcceptable =
    request.id !== undefined &&
    isAccepted(
      request.id,
      query.map(([name, value]) => [name, value.toWellFormed()]),
      request.body,
    )
  return { status: response.status, url: target, headers: response.headers, text, json: parse(text), accepted: isAcceptable }
}

/** What is wrong with an answer, if anything. */
function faultOf({ id, method }: FuzzRequest, { status, headers, text, json, accepted }: FuzzAnswer): string | undefined {
  if (status >= 500) return `a ${status}`
  if (status >= 400) {
    const { code, message, requestId } = json?.error ?? {}
    const isInForm = [code, message, requestId].every(field => typeof field === 'string' && field !== '')
    if (!isInForm && method !== 'HEAD') return 'an error in another form'
    if (headers.get('content-type') !== 'application/json') return 'an error that is not JSON'
  }
  if (!id)
    return [200, 201, 202, 204, 302, 400, 404, 405, 409, 413, 415].includes(status) ? undefined : `an undocumented ${status}`
  const route: Route = routes[id]
  const documented = [
    route.status,
    ...(id === 'getDownload' ? [302] : []),
    ...(route.errors ?? []),
    400,
    ...(route.body ? [413] : []),
  ]
  if (!documented.includes(status)) return `an undocumented ${status}`
  if (!accepted) return status === 400 || status === 413 ? undefined : `a ${status} for what the contract refuses`
  if (status === 413) return Buffer.byteLength(text) > 0 ? undefined : 'a 413'
  if (status === 400 && !REASONS[id]?.test(String(json?.error?.message))) return 'a 400 for what the contract accepts'
  if (status < 400 && route.returns.startsWith('`{ items') && !Array.isArray(json?.items)) return 'a list without items'
  return undefined
}

function plainReads(): FuzzRequest[] {
  const reads = (Object.keys(routes) as OperationId[]).filter(id => routes[id].method === 'GET')
  return reads.map(id => ({
    id,
    method: 'GET',
    path: routes[id].path,
    query: id === 'searchObjects' ? [['q', 'invoice']] : [],
    headers: {},
  }))
}

function parse(text: string): FuzzAnswer['json'] {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function bodyText({ body }: FuzzRequest): string {
  if (!body) return 'no body'
  return ('json' in body ? (JSON.stringify(body.json) ?? 'nothing') : String(body.raw)).slice(0, 300)
}

/** The first of each kind: those with the same beginning and the same reason. */
function distinct(faults: string[]): string[] {
  const kinds = Map.groupBy(
    faults,
    fault =>
      fault
        .replace(/request \d+/, '')
        .replace(/\?.*/, '')
        .split('\n')[0]!,
  )
  return [...kinds.values()].map(([first, ...more]) => `${first}${more.length > 0 ? `\n  (and ${more.length} more)` : ''}`)
}
