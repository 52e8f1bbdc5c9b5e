import { DEFAULT_REGION } from '../../../aws-account.ts'
import { notImplemented } from '../../errors.ts'
import { readDocument } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import { fromXml, textOf } from '../../http/xml.ts'
import { createBucket, deleteBucket } from '../../store/buckets.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'

/** CreateBucket, in the region of the request. NotImplemented for every other setting of a bucket. */
export async function putBucket(store: Store, request: S3Request, name: string): Promise<S3Response> {
  if ((request.headers['x-amz-bucket-object-lock-enabled'] ?? 'false') !== 'false')
    throw notImplemented('x-amz-bucket-object-lock-enabled')
  if ((request.headers['x-amz-object-ownership'] ?? 'BucketOwnerEnforced') !== 'BucketOwnerEnforced')
    throw notImplemented('x-amz-object-ownership')
  const document = request.headers['content-length'] === undefined ? '' : await readDocument(request)
  const configuration = document === '' ? {} : fromXml('CreateBucketConfiguration', document)
  const other = Object.keys(configuration).find(element => element !== 'LocationConstraint' && element !== '#text')
  if (other) throw notImplemented(other)
  createBucket(store, name, { region: textOf(configuration, 'LocationConstraint') || DEFAULT_REGION })
  return { status: 200, headers: { Location: `/${name}` } }
}

/** HeadBucket. */
export function headBucket(bucket: Bucket): S3Response {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/xml', 'x-amz-bucket-region': bucket.region, 'x-amz-access-point-alias': 'false' },
  }
}

/** DeleteBucket. */
export function removeBucket(store: Store, bucket: Bucket): S3Response {
  deleteBucket(store, bucket.name)
  return { status: 204 }
}

/** GetBucketLocation: empty for us-east-1, as in S3. */
export function getBucketLocation(bucket: Bucket): S3Response {
  return xmlResponse('LocationConstraint', bucket.region === DEFAULT_REGION ? '' : bucket.region)
}
