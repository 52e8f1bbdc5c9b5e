import {
  type Checksum,
  type ChecksumAlgorithm,
  checksumAlgorithms,
  checksumElement,
  checksumHeader,
} from '../checksums/checksum.ts'
import { S3Error } from '../errors.ts'
import type { S3Request } from '../http/request.ts'

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

/** The algorithm that a request chooses for the checksum of its object; InvalidRequest for an unknown one. */
export function readChecksumAlgorithm({ headers }: S3Request): ChecksumAlgorithm | undefined {
  const name = headers['x-amz-checksum-algorithm']?.toUpperCase()
  const algorithm = checksumAlgorithms.find(known => known === name)
  if (algorithm || name === undefined) return algorithm
  throw new S3Error('InvalidRequest', {
    message: `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${checksumAlgorithms.join(', ')}]`,
  })
}
