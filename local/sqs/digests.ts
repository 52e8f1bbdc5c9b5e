import { createHash } from 'node:crypto'
import type { MessageAttribute } from './messages.ts'

/** The MD5 of a text in hex, as SQS sends it with bodies. */
export function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

/** The MD5 of message attributes as SQS computes it; undefined without attributes ("SQS message metadata: calculating the MD5 digest"). */
export function attributesMd5(attributes: Record<string, MessageAttribute>): string | undefined {
  const names = Object.keys(attributes).sort()
  if (names.length === 0) return undefined
  const hash = createHash('md5')
  const field = (bytes: Buffer) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hash.update(length).update(bytes)
  }
  for (const name of names) {
    const { DataType, StringValue, BinaryValue } = attributes[name]!
    field(Buffer.from(name))
    field(Buffer.from(DataType))
    hash.update(Buffer.from([DataType.startsWith('Binary') ? 2 : 1]))
    field(BinaryValue === undefined ? Buffer.from(StringValue ?? '') : Buffer.from(BinaryValue, 'base64'))
  }
  return hash.digest('hex')
}
