import { createHash } from 'node:crypto'
import {
  type Checksum,
  type ChecksumAlgorithm,
  checksumAlgorithms,
  checksumHeader,
  isChecksumValue,
  startChecksum,
} from '../checksums/checksum.ts'
import { notImplemented, S3Error } from '../errors.ts'
import type { Store } from '../store/store.ts'
import { decodeAwsChunked, type Trailers } from './aws-chunked.ts'
import { readText, type S3Request } from './request.ts'

/** A stored and verified body: its MD5 in hex, and the checksum that the client sent or the caller asked to compute. */
export type Payload = { body: string; size: number; md5: string; checksum?: Checksum }

/** The largest body of one PUT: 5 GiB. */
const MAX_PUT_BYTES = 5 * 1024 ** 3

/** The largest XML document of a request: 1,000 keys to delete, or 10,000 parts to complete. */
const MAX_DOCUMENT_BYTES = 4 * 1024 ** 2

/** Streams a request's body to the body store and verifies length, MD5, SHA-256 and checksum. On any error nothing is kept. */
export async function storePayload(store: Store, request: S3Request, alsoCompute?: ChecksumAlgorithm): Promise<Payload> {
  const length = declaredLength(request)
  if (length > MAX_PUT_BYTES)
    throw new S3Error('EntityTooLarge', { details: { ProposedSize: length, MaxSizeAllowed: MAX_PUT_BYTES } })
  const verified = verifying(request, length, alsoCompute)
  const body = await store.bodies.write(verified.bytes())
  return { body, ...verified.result() }
}

/** Reads and verifies the XML document of a request. With `mustBeSummed` it must have a Content-MD5 or a checksum. */
export async function readDocument(request: S3Request, options: { mustBeSummed?: boolean } = {}): Promise<string> {
  const declared = declaredChecksum(request.headers)
  if (options.mustBeSummed && !declared && !request.headers['content-md5']) throw new S3Error('MissingContentMD5')
  return readText(verifying(request, declaredLength(request), undefined).bytes(), MAX_DOCUMENT_BYTES)
}

const isChunked = (request: S3Request) => request.headers['x-amz-content-sha256']?.startsWith('STREAMING-') ?? false

function declaredLength(request: S3Request): number {
  const { headers } = request
  const text = isChunked(request) ? headers['x-amz-decoded-content-length'] : headers['content-length']
  if (text === undefined && headers['transfer-encoding'] !== undefined && !isChunked(request))
    throw notImplemented('Transfer-Encoding')
  if (text === undefined || !/^\d+$/.test(text)) throw new S3Error('MissingContentLength')
  return Number(text)
}

/** The checksum that the client declared: its value is in a header, or follows in a trailer. */
export type DeclaredChecksum = { algorithm: ChecksumAlgorithm; value?: string }

/** The checksum that headers, or the fields of a form, declare for a body. InvalidRequest for more than one, or a value that can't be one. */
export function declaredChecksum(headers: S3Request['headers']): DeclaredChecksum | undefined {
  const given = checksumAlgorithms.filter(algorithm => headers[checksumHeader(algorithm)] !== undefined)
  const trailer = headers['x-amz-trailer']?.trim().toLowerCase()
  const trailing = checksumAlgorithms.find(algorithm => trailer === checksumHeader(algorithm))
  if (given.length + (trailing ? 1 : 0) > 1) {
    throw new S3Error('InvalidRequest', {
      message: 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    })
  }
  if (trailer !== undefined && !trailing) {
    throw new S3Error('InvalidRequest', { message: 'The value specified in the x-amz-trailer header is not supported' })
  }
  if (trailing) return { algorithm: trailing }
  const algorithm = given[0]
  if (algorithm) return { algorithm, value: checkedValue(algorithm, headers[checksumHeader(algorithm)]) }
  if (headers['x-amz-sdk-checksum-algorithm'] === undefined) return undefined
  throw new S3Error('InvalidRequest', {
    message: 'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
  })
}

function checkedValue(algorithm: ChecksumAlgorithm, value: string | undefined): string {
  if (value !== undefined && isChecksumValue(algorithm, value)) return value
  throw new S3Error('InvalidRequest', { message: `Value for ${checksumHeader(algorithm)} header is invalid.` })
}

// The checks throw before the iteration ends, so that a body that fails them is never stored.
function verifying(request: S3Request, length: number, alsoCompute: ChecksumAlgorithm | undefined) {
  const { headers } = request
  const declared = declaredChecksum(request.headers)
  const contentMd5 = headers['content-md5']
  if (contentMd5 !== undefined && Buffer.from(contentMd5, 'base64').length !== 16) throw new S3Error('InvalidDigest')
  const sha256Expected = /^[0-9a-f]{64}$/.exec(headers['x-amz-content-sha256'] ?? '')?.[0]
  const algorithm = declared?.algorithm ?? alsoCompute
  const md5 = createHash('md5')
  const sha256 = sha256Expected ? createHash('sha256') : undefined
  const sum = algorithm ? startChecksum(algorithm) : undefined
  const trailers: Trailers = new Map()
  let size = 0
  let md5Hex = ''
  let value: string | undefined

  const check = () => {
    if (size !== length) throw new S3Error('IncompleteBody')
    const digest = md5.digest()
    md5Hex = digest.toString('hex')
    value = sum?.digest().toString('base64')
    if (contentMd5 !== undefined && digest.toString('base64') !== contentMd5) {
      throw new S3Error('BadDigest', {
        message: 'The Content-MD5 you specified did not match what we received.',
        details: { ExpectedDigest: contentMd5, CalculatedDigest: digest.toString('base64') },
      })
    }
    const sha256Hex = sha256?.digest('hex')
    if (sha256Hex !== sha256Expected) {
      throw new S3Error('XAmzContentSHA256Mismatch', {
        details: { ClientComputedContentSHA256: sha256Expected, S3ComputedContentSHA256: sha256Hex },
      })
    }
    if (!declared) return
    const expected = declared.value ?? checkedValue(declared.algorithm, trailers.get(checksumHeader(declared.algorithm)))
    if (expected !== value) {
      throw new S3Error('BadDigest', {
        message: `The ${declared.algorithm} you specified did not match the calculated checksum.`,
      })
    }
  }

  return {
    async *bytes(): AsyncGenerator<Buffer> {
      const raw = request.body()
      for await (const chunk of isChunked(request) ? decodeAwsChunked(raw, trailers) : raw) {
        size += chunk.length
        if (size > length) throw new S3Error('IncompleteBody')
        md5.update(chunk)
        sha256?.update(chunk)
        sum?.update(chunk)
        yield chunk
      }
      check()
    },
    result: () => ({
      size,
      md5: md5Hex,
      ...(algorithm && value !== undefined ? { checksum: { algorithm, type: 'FULL_OBJECT' as const, value } } : {}),
    }),
  }
}
