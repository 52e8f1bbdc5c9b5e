import { S3Error } from '../errors.ts'

/** The headers that follow the body, by lower-case name. Complete when the body has been read. */
export type Trailers = Map<string, string>

/** The longest chunk header or trailer, in bytes. */
const MAX_LINE = 16 * 1024

/**
 * Decodes `aws-chunked` ("Signature calculations for the Authorization header: transferring payload in multiple chunks") and fills
 * the trailers at the end. Chunk signatures are not verified. A body that ends too early is IncompleteBody.
 */
export async function* decodeAwsChunked(source: AsyncIterable<Buffer>, trailers: Trailers): AsyncGenerator<Buffer> {
  const reader = readerOf(source)
  for (;;) {
    const line = await reader.line()
    const size = /^([0-9a-fA-F]{1,12})(;.*)?$/.exec(line)?.[1]
    if (size === undefined)
      throw new S3Error('InvalidRequest', { message: 'The chunk header of the aws-chunked body is malformed' })
    const length = Number.parseInt(size, 16)
    if (length === 0) break
    yield* reader.bytes(length)
    if ((await reader.line()) !== '') throw new S3Error('IncompleteBody')
  }
  for (;;) {
    const line = await reader.line({ orEnd: true })
    if (line === '') break
    const colon = line.indexOf(':')
    trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  await reader.drain()
}

function readerOf(source: AsyncIterable<Buffer>) {
  const iterator = source[Symbol.asyncIterator]()
  let buffer: Buffer = Buffer.alloc(0)

  const more = async (): Promise<boolean> => {
    const next = await iterator.next()
    if (next.done) return false
    buffer = buffer.length === 0 ? next.value : Buffer.concat([buffer, next.value])
    return true
  }

  return {
    async line(options: { orEnd?: boolean } = {}): Promise<string> {
      let end = buffer.indexOf('\r\n')
      while (end < 0) {
        if (buffer.length > MAX_LINE)
          throw new S3Error('InvalidRequest', { message: 'A line of the aws-chunked body is too long' })
        if (!(await more())) {
          if (options.orEnd && buffer.length === 0) return ''
          throw new S3Error('IncompleteBody')
        }
        end = buffer.indexOf('\r\n')
      }
      const line = buffer.toString('latin1', 0, end)
      buffer = buffer.subarray(end + 2)
      return line
    },
    async *bytes(length: number): AsyncGenerator<Buffer> {
      let left = length
      while (left > 0) {
        if (buffer.length === 0 && !(await more())) throw new S3Error('IncompleteBody')
        const taken = buffer.subarray(0, left)
        buffer = buffer.subarray(taken.length)
        left -= taken.length
        yield taken
      }
    },
    async drain(): Promise<void> {
      while (await more()) buffer = Buffer.alloc(0)
    },
  }
}
