import { type Checksum, checksumElement, checksumHeader } from '../checksums/checksum.ts'

/** A checksum as response headers. */
export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  return checksum ? { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type } : {}
}

/** A checksum as elements of an XML document. */
export function checksumElements(checksum: Checksum | undefined): Record<string, string> {
  return checksum ? { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type } : {}
}

/** The algorithm and type of a version's checksum, as listings name them. */
export function checksumSummary(version: { checksum?: { algorithm: string; type: string } }) {
  return version.checksum ? { ChecksumAlgorithm: version.checksum.algorithm, ChecksumType: version.checksum.type } : {}
}
