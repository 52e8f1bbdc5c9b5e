import { ACCOUNT_ID } from '../../aws-account.ts'
import { checksumAlgorithms, checksumHeader } from '../checksums/checksum.ts'
import { notImplemented, S3Error } from '../errors.ts'

/**
 * Rejects every `x-amz-` header that no operation reads with NotImplemented, so that none is accepted and then ignored, and a wrong
 * expected owner of a bucket with AccessDenied.
 */
export function checkHeaders(headers: Record<string, string | undefined>): void {
  for (const name of Object.keys(headers)) {
    if (!name.startsWith('x-amz-') || name.startsWith('x-amz-meta-') || supported.has(name)) continue
    if (name.startsWith('x-amz-object-lock-')) {
      throw new S3Error('InvalidRequest', { message: 'Bucket is missing Object Lock Configuration' })
    }
    throw notImplemented(name)
  }
  const encryption = headers['x-amz-server-side-encryption'] ?? 'AES256'
  if (encryption !== 'AES256') throw notImplemented('x-amz-server-side-encryption')
  const acl = headers['x-amz-acl'] ?? 'private'
  if (acl !== 'private' && acl !== 'bucket-owner-full-control') throw notImplemented('x-amz-acl')
  for (const name of ['x-amz-expected-bucket-owner', 'x-amz-source-expected-bucket-owner']) {
    if ((headers[name] ?? ACCOUNT_ID) !== ACCOUNT_ID) throw new S3Error('AccessDenied')
  }
}

const supported = new Set([
  ...['x-amz-acl', 'x-amz-server-side-encryption', 'x-amz-expected-bucket-owner', 'x-amz-source-expected-bucket-owner'],
  ...['x-amz-content-sha256', 'x-amz-decoded-content-length', 'x-amz-trailer', 'x-amz-sdk-checksum-algorithm'],
  ...checksumAlgorithms.map(checksumHeader),
  ...['x-amz-checksum-algorithm', 'x-amz-checksum-type', 'x-amz-checksum-mode', 'x-amz-mp-object-size'],
  ...['x-amz-copy-source', 'x-amz-copy-source-range', 'x-amz-metadata-directive', 'x-amz-tagging-directive'],
  ...['match', 'none-match', 'modified-since', 'unmodified-since'].map(condition => `x-amz-copy-source-if-${condition}`),
  ...['x-amz-storage-class', 'x-amz-tagging'],
  ...['x-amz-object-attributes', 'x-amz-max-parts', 'x-amz-part-number-marker'],
  // Part of a signature, or without effect on a bucket that is neither requester-pays nor locked.
  ...['x-amz-date', 'x-amz-security-token', 'x-amz-user-agent', 'x-amz-te'],
  ...['x-amz-request-payer', 'x-amz-mfa', 'x-amz-bypass-governance-retention', 'x-amz-bucket-object-lock-enabled'],
])
