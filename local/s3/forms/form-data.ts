import { S3Error } from '../errors.ts'

/** A form as a browser sends it: its fields by lower-case name, and the file that follows them. */
export type Form = { fields: ReadonlyMap<string, string>; fileName: string; file: AsyncIterable<Buffer> }

/** The most bytes before the file (S3 API reference, "POST Object"). */
const MAX_FIELD_BYTES = 20 * 1024

/**
 * Reads a `multipart/form-data` body up to its file, which must be the last field that counts; what follows the file is ignored. The file is
 * read while it is iterated. Throws MalformedPOSTRequest, MaxPostPreDataLengthExceededError, and InvalidArgument without a file.
 */
export async function readForm(contentType: string, body: AsyncIterable<Buffer>): Promise<Form> {
  const boundary = /^multipart\/form-data\s*;.*\bboundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType)
  if (!boundary) throw new S3Error('MalformedPOSTRequest')
  const reader = readParts(body, Buffer.from(`\r\n--${boundary[1] ?? boundary[2]}`))
  const fields = new Map<string, string>()
  let size = 0
  for (;;) {
    const header = await reader.header()
    if (header === undefined) {
      throw new S3Error('InvalidArgument', {
        message: 'POST requires exactly one file upload per request.',
        details: { ArgumentName: 'file', ArgumentValue: '0' },
      })
    }
    const name = parameter(header, 'name')?.toLowerCase()
    if (name === undefined) throw new S3Error('MalformedPOSTRequest')
    if (name === 'file') return { fields, fileName: parameter(header, 'filename') ?? '', file: reader.content() }
    const chunks: Buffer[] = []
    for await (const chunk of reader.content()) {
      chunks.push(chunk)
      size += chunk.length
      if (size > MAX_FIELD_BYTES) throw tooLong()
    }
    fields.set(name, Buffer.concat(chunks).toString())
  }
}

const tooLong = () =>
  new S3Error('MaxPostPreDataLengthExceededError', { details: { MaxPostPreDataLengthBytes: MAX_FIELD_BYTES } })

function parameter(header: string, name: string): string | undefined {
  const disposition = /^content-disposition:\s*form-data\s*(;.*)$/im.exec(header)?.[1] ?? ''
  const found = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]*))`, 'i').exec(disposition)
  return found?.[1]?.replace(/\\(["\\])/g, '$1') ?? found?.[2]
}

function readParts(body: AsyncIterable<Buffer>, delimiter: Buffer) {
  const iterator = body[Symbol.asyncIterator]()
  // The first delimiter has no line end before it.
  let buffer: Buffer = Buffer.from('\r\n')

  const more = async (): Promise<void> => {
    const next = await iterator.next()
    if (next.done) throw new S3Error('MalformedPOSTRequest')
    buffer = Buffer.concat([buffer, next.value])
  }
  const take = async (end: Buffer): Promise<Buffer> => {
    let at = buffer.indexOf(end)
    while (at < 0) {
      if (buffer.length > MAX_FIELD_BYTES) throw tooLong()
      await more()
      at = buffer.indexOf(end)
    }
    const taken = buffer.subarray(0, at)
    buffer = buffer.subarray(at + end.length)
    return taken
  }
  let isStarted = false

  return {
    /** The header of the next part; undefined after the last. */
    async header(): Promise<string | undefined> {
      if (!isStarted) await take(delimiter)
      isStarted = true
      while (buffer.length < 2) await more()
      if (buffer.toString('latin1', 0, 2) === '--') return undefined
      await take(Buffer.from('\r\n'))
      return (await take(Buffer.from('\r\n\r\n'))).toString()
    },
    /** The content of the part, up to the next delimiter. */
    async *content(): AsyncGenerator<Buffer> {
      for (;;) {
        const at = buffer.indexOf(delimiter)
        if (at >= 0) {
          if (at > 0) yield buffer.subarray(0, at)
          buffer = buffer.subarray(at + delimiter.length)
          return
        }
        const safe = buffer.length - delimiter.length
        if (safe > 0) {
          yield buffer.subarray(0, safe)
          buffer = buffer.subarray(safe)
        }
        await more()
      }
    },
  }
}
