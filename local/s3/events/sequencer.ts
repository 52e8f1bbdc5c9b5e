import { SEQUENCES_PER_SECOND } from '../store/sequence.ts'

/** How events write their sequencer: AWS's growing hexadecimal, LocalStack's constant, Ceph's little-endian timestamp, or none. */
export type SequencerForm = 'aws' | 'constant' | 'ceph' | 'none'

/**
 * A sequence number as the sequencer of a notification, undefined for the form `none`.
 * AWS's is `00`, the seconds in hexadecimal and a growing fraction: 16 or 18 upper-case digits.
 */
export function sequencerOf(sequence: number, form: SequencerForm): string | undefined {
  const seconds = Math.floor(sequence / SEQUENCES_PER_SECOND)
  const fraction = (sequence % SEQUENCES_PER_SECOND) / SEQUENCES_PER_SECOND
  if (form === 'none') return undefined
  if (form === 'constant') return '0055AED6DCD90281E5'
  if (form === 'ceph') {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE(seconds, 0)
    bytes.writeUInt32LE(Math.floor(fraction * 1e9), 4)
    return bytes.toString('hex').toUpperCase()
  }
  // The last byte is omitted when it is zero: sequencers of different length must compare as if padded with zeros.
  return `00${hex(seconds)}${hex(Math.floor(fraction * 2 ** 32)).replace(/00$/, '')}`
}

const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, '0')
