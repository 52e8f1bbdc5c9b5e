import { S3Error } from '../../errors.ts'
import { readTagging } from '../../headers/tags.ts'
import { readDocument } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import { readSetting, writeSetting } from '../../store/bucket-settings.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'

/** The most tags of a bucket (S3 API reference, PutBucketTagging). */
const MAX_TAGS = 50

/** PutBucketTagging: replaces the whole set. */
export async function putBucketTagging(store: Store, request: S3Request, bucket: Bucket): Promise<S3Response> {
  writeSetting(store, bucket, 'tagging', readTagging(await readDocument(request), MAX_TAGS))
  return { status: 204 }
}

/** GetBucketTagging: NoSuchTagSet if there are none. */
export function getBucketTagging(store: Store, _request: S3Request, bucket: Bucket): S3Response {
  const tags = readSetting(store, bucket, 'tagging')
  if (!tags?.length) throw new S3Error('NoSuchTagSet', { details: { BucketName: bucket.name } })
  return xmlResponse('Tagging', { TagSet: { Tag: tags.map(({ key, value }) => ({ Key: key, Value: value })) } })
}

/** DeleteBucketTagging. */
export function deleteBucketTagging(store: Store, _request: S3Request, bucket: Bucket): S3Response {
  writeSetting(store, bucket, 'tagging', undefined)
  return { status: 204 }
}
