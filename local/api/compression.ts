import { promisify } from 'node:util'
import { deflate, gunzip, gzip, inflate } from 'node:zlib'
import { MIN_COMPRESSED_BYTES } from '../../shared/limits.ts'

/** A body is not encoded as its Content-Encoding says, or in a way that is not supported. */
export class UnsupportedCoding extends Error {
  override name = 'UnsupportedCoding'
}

/**
 * Decodes the body of a request as API Gateway does: gzip and deflate. Throws UnsupportedCoding, and a RangeError for one that would be longer
 * than `maxBytes`. Source: API Gateway developer guide, "Payload compression for REST APIs".
 */
export async function decodeBody(body: Buffer, contentEncoding: string | undefined, maxBytes: number): Promise<Buffer> {
  const coding = (contentEncoding ?? '').trim().toLowerCase()
  if (coding === '' || coding === 'identity' || body.length === 0) return body
  const decode = DECODERS[coding]
  if (!decode) throw new UnsupportedCoding('The body must be encoded with gzip or deflate, or not at all')
  try {
    return await decode(body, { maxOutputLength: maxBytes })
  } catch (cause) {
    if (cause instanceof RangeError) throw cause
    throw new UnsupportedCoding(`The body is not encoded with ${coding}`, { cause })
  }
}

/** Encodes the body of a response with the coding that the client prefers, where that is gzip or deflate and the body is long enough. */
export async function encodeBody(
  body: Buffer,
  acceptEncoding: string | undefined,
): Promise<{ body: Buffer; contentEncoding?: 'gzip' | 'deflate' }> {
  const [coding] = preferred(acceptEncoding ?? '')
  if (body.length < MIN_COMPRESSED_BYTES || (coding !== 'gzip' && coding !== 'deflate')) return { body }
  return { body: await ENCODERS[coding](body), contentEncoding: coding }
}

const DECODERS: Partial<Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
}

const ENCODERS = { gzip: promisify<Buffer, Buffer>(gzip), deflate: promisify<Buffer, Buffer>(deflate) }

/** The codings of an Accept-Encoding header, the preferred one first; those with q=0 are left out. */
function preferred(header: string): string[] {
  const codings = header.split(',').map(part => {
    const [name = '', ...parameters] = part.split(';').map(text => text.trim().toLowerCase())
    const quality = parameters.find(text => text.startsWith('q='))
    return { name, quality: quality === undefined ? 1 : Number(quality.slice(2)) }
  })
  return codings
    .filter(({ name, quality }) => name !== '' && quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ name }) => name)
}
