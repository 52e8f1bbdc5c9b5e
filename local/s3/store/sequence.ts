import { createHash, randomBytes } from 'node:crypto'

/** How events spell their sequencer: AWS's growing hexadecimal, LocalStack's constant, Ceph's little-endian timestamp, or not at all. */
export type SequencerForm = 'aws' | 'constant' | 'ceph' | 'none'

/** Sequence numbers per millisecond; with them a time until the year 2039 stays within 53 bits. */
const PER_MS = 4096

/** Counts up with the clock and never back: milliseconds since 1970 times 4,096, plus one for each within the same millisecond. */
export function startSequence(clock: () => number, last: number): () => number {
  let previous = last
  return () => {
    previous = Math.max(previous + 1, Math.floor(clock()) * PER_MS)
    return previous
  }
}

/** The first sequence number of the UTC day of that time: what lifecycle's events were documented to carry. */
export function midnightSequence(ms: number): number {
  return Math.floor(ms / 86_400_000) * 86_400_000 * PER_MS
}

/** The sequencer of a notification. AWS's is `00`, the seconds in hexadecimal and a growing fraction: 16 or 18 upper-case digits. */
export function sequencerOf(sequence: number, form: SequencerForm): string | undefined {
  const perSecond = 1000 * PER_MS
  const seconds = Math.floor(sequence / perSecond)
  const fraction = (sequence % perSecond) / perSecond
  if (form === 'none') return undefined
  if (form === 'constant') return '0055AED6DCD90281E5'
  if (form === 'ceph') {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE(seconds, 0)
    bytes.writeUInt32LE(Math.floor(fraction * 1e9), 4)
    return bytes.toString('hex').toUpperCase()
  }
  // The last byte is left off when it is zero, as sequencers of differing length must compare as if padded with zeros.
  return `00${hex(seconds)}${hex(Math.floor(fraction * 2 ** 32)).replace(/00$/, '')}`
}

/** A random version id that hides its sequence, so that a listing can go on behind a version deleted meanwhile. */
export function newVersionId(sequence: number): string {
  const random = randomBytes(17)
  const hidden = Buffer.alloc(7)
  hidden.writeUIntBE(Math.floor(sequence / 256), 0, 6)
  hidden[6] = sequence % 256
  return Buffer.concat([random, xor(hidden, random)])
    .toString('base64url')
    .replaceAll('-', '.')
}

/** The sequence hidden in a version id, undefined for `null` and for what is no version id. */
export function sequenceOfVersionId(versionId: string): number | undefined {
  if (!isVersionId(versionId) || versionId === 'null') return undefined
  const bytes = Buffer.from(versionId.replaceAll('.', '-'), 'base64url')
  const hidden = xor(bytes.subarray(17), bytes.subarray(0, 17))
  return hidden.readUIntBE(0, 6) * 256 + hidden[6]!
}

/** Whether a text can be a version id of this server; S3 answers anything else with InvalidArgument. */
export function isVersionId(text: string): boolean {
  return text === 'null' || /^[A-Za-z0-9._]{32}$/.test(text)
}

const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, '0')

function xor(bytes: Buffer, random: Buffer): Buffer {
  const mask = createHash('md5').update(random).digest()
  return Buffer.from(bytes.map((byte, index) => byte ^ mask[index]!))
}
