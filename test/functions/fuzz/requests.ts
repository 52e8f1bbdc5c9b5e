import * as v from 'valibot'
import { type OperationId, type Route, routes } from '../../../shared/api/routes.ts'
import { fc } from '../../support/random.ts'
import { fields, hostileJson, hostileText, LaterCursor, validValue } from './values.ts'

/** A request that is still to be sent: a query whose cursors are chosen then, and a body as a JSON value, text or bytes. */
export type FuzzRequest = {
  /** The operation that it is meant for; undefined for what no operation has. */
  id?: OperationId
  method: string
  path: string
  query: [name: string, value: unknown][]
  headers: Record<string, string>
  body?: { json: unknown } | { raw: string | Uint8Array<ArrayBuffer> }
}

/** A valid request of an operation, or one that is wrong in one place. Writes more often than reads: what is stored is what breaks a later read. */
export const operationRequest: fc.Arbitrary<FuzzRequest> = fc
  .constantFrom(...(Object.keys(routes) as OperationId[]).flatMap(id => (routes[id].method === 'GET' ? [id] : [id, id, id])))
  .chain(id => fc.oneof({ weight: 3, arbitrary: valid(id) }, { weight: 2, arbitrary: valid(id).chain(spoiled) }))

/** A client that loops: a valid write of many keys. What one write can't break, a thousand may. */
export const burst: fc.Arbitrary<FuzzRequest[]> = fc
  .constantFrom<OperationId[]>('recordObject', 'recordObject', 'recordVersion', 'logAudit', 'logHookExecution')
  .chain(id => fc.tuple(valid(id), fc.integer({ min: 300, max: 600 })))
  .map(([request, times]) => Array.from({ length: times }, (_, n) => withKey(request, `burst/${n}`)))

/** A request that is wrong as HTTP: method, path, header, encoding. */
export const rawRequest: fc.Arbitrary<FuzzRequest> = operationRequest.chain(request =>
  fc.oneof(
    fc
      .constantFrom('GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD')
      .map(method => ({ ...request, id: undefined, method })),
    fc
      .constantFrom(
        '/',
        '/objects/',
        '//object',
        '/OBJECT',
        '/%6fbject',
        '/constructor',
        '/%00',
        '/%',
        '/../object',
        `/${'x'.repeat(4000)}`,
      )
      .map(path => ({ ...request, id: undefined, path })),
    fc
      .constantFrom('text/plain', '', 'application/json; charset=utf-16', 'multipart/form-data', 'application/vnd.api+json')
      .map(type => ({ ...request, id: undefined, headers: { 'content-type': type } })),
    fc
      .constantFrom('gzip', 'br', 'identity', 'gzip, gzip')
      .map(coding => ({ ...request, id: undefined, headers: { ...request.headers, 'content-encoding': coding } })),
    fc
      .constantFrom(
        '{',
        '[',
        '"',
        'nul',
        '{"a":1,}',
        '\ufeff{}',
        '[1e999]',
        '{"__proto__":1}',
        ' '.repeat(1024 ** 2 + 1),
        '['.repeat(100_000),
      )
      .map(raw => ({ ...request, id: undefined, body: { raw } })),
    fc.uint8Array({ maxLength: 50 }).map(bytes => ({ ...request, id: undefined, body: { raw: new Uint8Array(bytes) } })),
  ),
)

/** Whether the schemas of its operation accept a request, after its cursors are chosen. */
export function isAccepted(id: OperationId, query: [string, string][], body: FuzzRequest['body']): boolean {
  const route: Route = routes[id]
  const names = query.map(([name]) => name)
  if (names.some((name, at) => name !== 'metadata' && names.indexOf(name) !== at)) return false
  const grouped = Object.fromEntries(
    [...Map.groupBy(query, ([name]) => name)].map(([name, pairs]) => [
      name,
      name === 'metadata' ? pairs.map(([, value]) => value) : pairs[0]![1],
    ]),
  )
  if (!v.safeParse(route.query, grouped).success) return false
  if (!route.body) return true
  // What arrives is what JSON can carry.
  return body !== undefined && 'json' in body && v.safeParse(route.body, JSON.parse(JSON.stringify(body.json))).success
}

function valid(id: OperationId): fc.Arbitrary<FuzzRequest> {
  const route: Route = routes[id]
  const headers: Record<string, string> = route.body ? { 'content-type': 'application/json' } : {}
  const body = route.body ? validValue(route.body) : fc.constant(undefined)
  return fc.record({ query: fields(route.query.entries), body }).map(({ query, body }) => ({
    id,
    method: route.method,
    path: route.path,
    query: Object.entries(query).flatMap(([name, value]) => [value].flat().map((one): [string, unknown] => [name, one])),
    headers,
    ...(route.body && { body: { json: body } }),
  }))
}

function withKey(request: FuzzRequest, key: string): FuzzRequest {
  const query = request.query.map(([name, value]): [string, unknown] => [name, name === 'key' ? key : value])
  if (!request.body || !('json' in request.body) || Array.isArray(request.body.json)) return { ...request, query }
  return {
    ...request,
    query,
    body: { json: { ...(request.body.json as object), ...('key' in (request.body.json as object) && { key }) } },
  }
}

/** Spoils one parameter or field of a valid request: another value, left out, repeated, or unknown. */
function spoiled(request: FuzzRequest): fc.Arbitrary<FuzzRequest> {
  const names = Object.keys(routes[request.id!].query.entries)
  const inQuery = fc
    .record({
      name: fc.constantFrom(...names, 'unknown', '__proto__', 'constructor'),
      values: fc.array(hostileText, { maxLength: 2 }),
    })
    .map(({ name, values }) => ({
      ...request,
      query: [...request.query.filter(([other]) => other !== name), ...values.map((value): [string, unknown] => [name, value])],
    }))
  if (!request.body || !('json' in request.body)) return inQuery
  const json = request.body.json
  const inBody = fc
    .record({
      at: fc.nat(),
      value: hostileJson,
      kind: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add', 'whole'),
    })
    .map(({ at, value, kind }) => ({ ...request, body: { json: spoil(json, at, value, kind) } }))
  return fc.oneof({ weight: 1, arbitrary: inQuery }, { weight: 3, arbitrary: inBody })
}

function spoil(json: unknown, at: number, value: unknown, kind: string): unknown {
  if (kind === 'whole') return value
  if (Array.isArray(json)) return json.map((item, n) => (n === at % json.length ? spoil(item, at, value, kind) : item))
  const entries = Object.entries(json as object)
  if (kind === 'add' || entries.length === 0) return Object.fromEntries([...entries, ['unknown', value]])
  const place = at % entries.length
  if (kind === 'remove') return Object.fromEntries(entries.filter((_, n) => n !== place))
  return Object.fromEntries(entries.map(([name, old], n) => [name, n === place ? value : old]))
}

/** The text of a parameter: a cursor that a list of the path gave out, forged where it says so. */
export function textOf(value: unknown, cursors: string[]): string {
  if (!(value instanceof LaterCursor)) return String(value)
  const cursor = cursors[value.pick % cursors.length]
  if (cursor === undefined) return 'x'
  if (!value.forge) return cursor
  const values: unknown[] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  values[value.forge.at % values.length] = value.forge.value
  return Buffer.from(JSON.stringify(values)).toString('base64url')
}
