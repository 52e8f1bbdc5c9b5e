import { createHash } from 'node:crypto'
import { type CrcName, combineCrc, startCrc } from './crc.ts'

/** The additional checksums that S3 verifies and stores. */
export type ChecksumAlgorithm = CrcName | 'SHA1' | 'SHA256'

/** Whether a checksum is of all bytes, or of the checksums of the parts. */
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT'

/** The checksum of an object. The value is base64; a composite one ends in `-` and the number of parts. */
export type Checksum = { algorithm: ChecksumAlgorithm; type: ChecksumType; value: string }

/** All algorithms, as the API names them. */
export const checksumAlgorithms: readonly ChecksumAlgorithm[] = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256']

/** `x-amz-checksum-crc32` and so on. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`
}

/** `ChecksumCRC32` and so on, the element's name in XML. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`
}

/** A running checksum: bytes in, digest out once. */
export function startChecksum(algorithm: ChecksumAlgorithm): { update(bytes: Uint8Array): unknown; digest(): Buffer } {
  return algorithm === 'SHA1' || algorithm === 'SHA256' ? createHash(algorithm.toLowerCase()) : startCrc(algorithm)
}

/** Whether a text is base64 of the length of that algorithm's value. */
export function isChecksumValue(algorithm: ChecksumAlgorithm, value: string): boolean {
  const bytes = Buffer.from(value, 'base64')
  return bytes.length === lengths[algorithm] && bytes.toString('base64') === value
}

/** The default type of a multipart upload's checksum: CRC64NVME can only be FULL_OBJECT. */
export function defaultChecksumType(algorithm: ChecksumAlgorithm): ChecksumType {
  return algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE'
}

/** Whether S3 supports the combination: not composite CRC64NVME, not full object SHA. */
export function isChecksumType(algorithm: ChecksumAlgorithm, type: string): type is ChecksumType {
  if (type === 'COMPOSITE') return algorithm !== 'CRC64NVME'
  return type === 'FULL_OBJECT' && !algorithm.startsWith('SHA')
}

/** The checksum of a multipart object from those of its parts (base64) and their sizes in bytes. */
export function multipartChecksum(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: { value: string; size: number }[],
): Checksum {
  const values: Buffer[] = parts.map(part => Buffer.from(part.value, 'base64'))
  if (type === 'COMPOSITE') {
    const whole = startChecksum(algorithm)
    whole.update(Buffer.concat(values))
    return { algorithm, type, value: `${whole.digest().toString('base64')}-${parts.length}` }
  }
  const combined = values.reduce((left, right, index) => combineCrc(algorithm as CrcName, left, right, parts[index]!.size))
  return { algorithm, type, value: combined.toString('base64') }
}

const lengths: Record<ChecksumAlgorithm, number> = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 }
