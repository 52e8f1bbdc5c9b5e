import { ACCOUNT_ID } from '../../aws-account.ts'
import { invalidArgument, notImplemented, S3Error } from '../errors.ts'
import type { S3Request } from '../http/request.ts'
import { bodyHeaders, commonHeaders, commonParameters, knownInputs } from './known-inputs.ts'

/**
 * Refuses every `x-amz-` header and query parameter that the operation does not read, with S3's own error where it has one and else with
 * NotImplemented; values that mean something which is not done; and a wrong expected owner of a bucket with AccessDenied.
 */
export function checkInputs(operation: string, subResource: string, { method, headers, query }: S3Request): void {
  const known = knownInputs[operation] ?? {}
  const hasBody = method === 'PUT' || method === 'POST'
  const knownHeaders = [...commonHeaders, ...(known.headers ?? []), ...(hasBody ? bodyHeaders : [])]
  for (const name of Object.keys(headers)) {
    if (!name.startsWith('x-amz-') || isAmong(knownHeaders, name)) continue
    throw refusal(name, operation)
  }
  const knownParameters = [...commonParameters, ...(known.parameters ?? []), subResource]
  for (const name of query.keys()) {
    // A presigned URL has headers as parameters, which are checked above. AWS ignores the checksums among them, and so do we.
    if (isAmong(knownParameters, name) || name.startsWith('x-amz-')) continue
    throw notImplemented(name)
  }
  checkValues(headers, operation)
}

/** Checks the values of the headers that are known, which the fields of a form have as well. */
export function checkValues(headers: Record<string, string | undefined>, operation = 'PutObject'): void {
  const encryption = headers['x-amz-server-side-encryption'] ?? 'AES256'
  if (encryption !== 'AES256') throw notImplemented('x-amz-server-side-encryption')
  const acl = headers['x-amz-acl'] ?? 'private'
  if (!cannedAcls.includes(acl)) throw invalidArgument('', 'x-amz-acl', acl)
  if (acl !== 'private' && acl !== 'bucket-owner-full-control') throw noAcls(operation)
  const payer = headers['x-amz-request-payer'] ?? 'requester'
  if (payer !== 'requester') throw invalidArgument('Invalid request payer specified', 'x-amz-request-payer', payer)
  for (const name of ['x-amz-expected-bucket-owner', 'x-amz-source-expected-bucket-owner']) {
    const owner = headers[name] ?? ACCOUNT_ID
    if (!/^\d{12}$/.test(owner)) {
      throw new S3Error('InvalidRequest', { message: `The value specified in the ${name} header must be an AWS account ID` })
    }
    if (owner !== ACCOUNT_ID) throw new S3Error('AccessDenied')
  }
}

/** Whether a field of a form has a meaning that is implemented. */
export function isKnownField(name: string): boolean {
  const fields = ['x-amz-algorithm', 'x-amz-credential', 'x-amz-signature', 'x-amz-security-token', 'x-amz-date']
  return isAmong([...fields, ...bodyHeaders, ...(knownInputs.PutObject?.headers ?? [])], name)
}

const cannedAcls = [
  ...['private', 'public-read', 'public-read-write', 'aws-exec-read', 'authenticated-read'],
  ...['bucket-owner-read', 'bucket-owner-full-control', 'log-delivery-write'],
]

function isAmong(names: readonly string[], name: string): boolean {
  return names.some(one => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : one === name))
}

// Buckets have no object lock, and no ACLs, as new buckets of AWS ("Controlling ownership of objects", BucketOwnerEnforced).
function refusal(name: string, operation: string): S3Error {
  if (name.startsWith('x-amz-object-lock-')) {
    return new S3Error('InvalidRequest', { message: 'Bucket is missing Object Lock Configuration' })
  }
  return name.startsWith('x-amz-grant-') ? noAcls(operation) : notImplemented(name)
}

function noAcls(operation: string): S3Error {
  return new S3Error(operation === 'CreateBucket' ? 'InvalidBucketAclWithObjectOwnership' : 'AccessControlListNotSupported')
}
