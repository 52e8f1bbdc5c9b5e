import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { formDecode } from '../encoding.ts'
import { invalidArgument, S3Error } from '../errors.ts'
import type { Actor } from '../store/change.ts'

/** A path-style request to S3. Bucket, key and query are decoded from the raw URL, because a URL parser would change some keys. */
export type S3Request = {
  method: string
  bucket: string | undefined
  key: string | undefined
  /** Query parameters; a sub-resource such as `?versions` has an empty value. */
  query: Map<string, string>
  /** The raw path, for error messages. */
  path: string
  headers: Record<string, string | undefined>
  actor: Actor
  /** Starts the transfer of the body: a client that waits for `100 Continue` gets it now. */
  body(): AsyncIterable<Buffer>
}

/** S3's limit for a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024

/** Parses a request. Throws InvalidURI for a URL that is not UTF-8, and KeyTooLongError. */
export function readRequest(
  incoming: IncomingMessage,
  ids: Pick<Actor, 'requestId' | 'hostId'>,
  startBody: () => void,
): S3Request {
  const [path, search = ''] = splitOnce(incoming.url ?? '/', '?')
  const [bucket, key] = splitOnce(path.replace(/^\/|^https?:\/\/[^/]*\//, ''), '/').map(decodePart)
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, [value].flat().join(',')]))
  if (Buffer.byteLength(key ?? '') > MAX_KEY_BYTES) {
    throw new S3Error('KeyTooLongError', { details: { Size: Buffer.byteLength(key ?? ''), MaxSizeAllowed: MAX_KEY_BYTES } })
  }
  return {
    method: incoming.method ?? 'GET',
    bucket: bucket || undefined,
    key: key || undefined,
    query: readQuery(search),
    path,
    headers,
    actor: { principalId: '', sourceIp: incoming.socket.remoteAddress ?? '', ...ids },
    body() {
      startBody()
      // If the iteration stops early, the request must stay open for the error response.
      return incoming.iterator({ destroyOnReturn: false })
    },
  }
}

/** A request id and a host id, as S3 sends them with each response. */
export function newRequestIds(): { requestId: string; hostId: string } {
  return { requestId: randomBytes(8).toString('hex').toUpperCase(), hostId: randomBytes(48).toString('base64') }
}

/** Reads a body of at most `maxBytes` as text; a longer one is MaxMessageLengthExceeded. */
export async function readText(source: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > maxBytes) throw new S3Error('MaxMessageLengthExceeded', { details: { MaxMessageLengthBytes: maxBytes } })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** A query parameter that is a count, from 0. `max` is the default and the cap, as for S3's page sizes. */
export function countParameter(request: S3Request, name: string, max: number): number {
  return readCount(request.query.get(name), name, max)
}

/** A count of a header or query parameter; see `countParameter`. */
export function readCount(text: string | undefined, name: string, max: number): number {
  if (text === undefined || text === '') return max
  if (!/^\d{1,10}$/.test(text) || Number(text) > 2 ** 31 - 1) {
    const isInteger = /^-?\d+$/.test(text)
    const message = isInteger
      ? `Argument ${name} must be an integer between 0 and 2147483647`
      : `Provided ${name} not an integer or within integer range`
    throw invalidArgument(message, name, text)
  }
  return Math.min(Number(text), max)
}

function splitOnce(text: string, separator: string): [string, string?] {
  const index = text.indexOf(separator)
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)]
}

function decodePart(part: string | undefined): string | undefined {
  if (part === undefined) return undefined
  const decoded = formDecode(part)
  if (decoded === undefined) throw new S3Error('InvalidURI', { details: { URI: part } })
  return decoded
}

function readQuery(search: string): Map<string, string> {
  const pairs = search.split('&').filter(pair => pair !== '')
  return new Map(
    pairs.map(pair => {
      const [name, value = ''] = splitOnce(pair, '=').map(decodePart)
      return [name ?? '', value]
    }),
  )
}
