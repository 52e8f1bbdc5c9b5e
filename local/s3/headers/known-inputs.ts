import { checksumAlgorithms, checksumHeader } from '../checksums/checksum.ts'

const attributes = ['x-amz-acl', 'x-amz-server-side-encryption', 'x-amz-storage-class', 'x-amz-tagging', 'x-amz-meta-*']

const version = ['versionId']

const listing = ['prefix', 'delimiter', 'encoding-type']

const responseHeaders = [
  ...['content-type', 'content-language', 'expires', 'cache-control', 'content-disposition', 'content-encoding'],
].map(name => `response-${name}`)

const read = { headers: ['x-amz-checksum-mode'], parameters: ['versionId', 'partNumber', ...responseHeaders] }

const copySource = [
  ...['x-amz-copy-source', 'x-amz-source-expected-bucket-owner'],
  ...['match', 'none-match', 'modified-since', 'unmodified-since'].map(name => `x-amz-copy-source-if-${name}`),
]

// Without effect: no bucket has object lock or MFA delete.
const deletion = ['x-amz-mfa', 'x-amz-bypass-governance-retention']

/**
 * The `x-amz-` headers and query parameters that each operation reads, by the name of the operation. Everything else is refused, so that nothing is
 * accepted and then ignored. Prefixes end in `*`.
 */
export const knownInputs: Record<string, { headers?: string[]; parameters?: string[] }> = {
  ListBuckets: { parameters: ['prefix', 'continuation-token', 'max-buckets', 'bucket-region'] },
  CreateBucket: { headers: ['x-amz-acl', 'x-amz-bucket-object-lock-enabled', 'x-amz-object-ownership'] },
  PutBucketAcl: { headers: ['x-amz-acl'] },
  PutBucketVersioning: { headers: ['x-amz-mfa'] },
  ListObjects: { parameters: [...listing, 'max-keys', 'marker'] },
  ListObjectsV2: { parameters: [...listing, 'max-keys', 'continuation-token', 'start-after', 'fetch-owner'] },
  ListObjectVersions: { parameters: [...listing, 'max-keys', 'key-marker', 'version-id-marker'] },
  ListMultipartUploads: { parameters: [...listing, 'max-uploads', 'key-marker', 'upload-id-marker'] },
  DeleteObjects: { headers: deletion },
  GetObject: read,
  HeadObject: read,
  PutObject: { headers: attributes },
  CopyObject: {
    headers: [...attributes, ...copySource, 'x-amz-checksum-algorithm', 'x-amz-metadata-directive', 'x-amz-tagging-directive'],
  },
  DeleteObject: { headers: [...deletion, 'x-amz-if-match-last-modified-time', 'x-amz-if-match-size'], parameters: version },
  GetObjectAttributes: {
    headers: ['x-amz-object-attributes', 'x-amz-max-parts', 'x-amz-part-number-marker'],
    parameters: version,
  },
  GetObjectTagging: { parameters: version },
  PutObjectTagging: { parameters: version },
  DeleteObjectTagging: { parameters: version },
  GetObjectAcl: { parameters: version },
  PutObjectAcl: { headers: ['x-amz-acl'], parameters: version },
  RestoreObject: { parameters: version },
  CreateMultipartUpload: { headers: [...attributes, 'x-amz-checksum-algorithm', 'x-amz-checksum-type'] },
  UploadPart: { parameters: ['partNumber'] },
  UploadPartCopy: { headers: [...copySource, 'x-amz-copy-source-range'], parameters: ['partNumber'] },
  CompleteMultipartUpload: { headers: ['x-amz-checksum-type', 'x-amz-mp-object-size'] },
  ListParts: { parameters: ['max-parts', 'part-number-marker'] },
}

/** The headers of every operation: of signatures, or without effect on a bucket whose owner pays. */
export const commonHeaders: readonly string[] = [
  ...['x-amz-date', 'x-amz-security-token', 'x-amz-user-agent', 'x-amz-te', 'x-amz-content-sha256'],
  ...['x-amz-expected-bucket-owner', 'x-amz-request-payer'],
]

/** The headers of every request with a body. */
export const bodyHeaders: readonly string[] = [
  ...['x-amz-decoded-content-length', 'x-amz-trailer', 'x-amz-sdk-checksum-algorithm'],
  ...checksumAlgorithms.map(checksumHeader),
]

/** The parameters of every operation: the name that SDKs add, and those of presigned URLs. */
export const commonParameters: readonly string[] = [
  ...['x-id', 'AWSAccessKeyId', 'Signature', 'Expires'],
  ...['Algorithm', 'Content-Sha256', 'Credential', 'Date', 'Expires', 'Security-Token', 'Signature', 'SignedHeaders'].map(
    name => `X-Amz-${name}`,
  ),
]
