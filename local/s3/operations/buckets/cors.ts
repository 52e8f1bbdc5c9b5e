import { corsDocument, readCorsRules } from '../../cors/rules.ts'
import { S3Error } from '../../errors.ts'
import { readDocument } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import { readSetting, writeSetting } from '../../store/bucket-settings.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'

/** PutBucketCors: replaces all rules. */
export async function putBucketCors(store: Store, request: S3Request, bucket: Bucket): Promise<S3Response> {
  const rules = readCorsRules(await readDocument(request, { mustBeSummed: true }))
  writeSetting(store, bucket, 'cors', rules)
  return { status: 200 }
}

/** GetBucketCors. */
export function getBucketCors(store: Store, _request: S3Request, bucket: Bucket): S3Response {
  const rules = readSetting(store, bucket, 'cors')
  if (!rules) throw new S3Error('NoSuchCORSConfiguration', { details: { BucketName: bucket.name } })
  return xmlResponse('CORSConfiguration', corsDocument(rules))
}

/** DeleteBucketCors. */
export function deleteBucketCors(store: Store, _request: S3Request, bucket: Bucket): S3Response {
  writeSetting(store, bucket, 'cors', undefined)
  return { status: 204 }
}
