import { xmlDate } from '../../encoding.ts'
import { countParameter, type S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import { allBuckets } from '../../store/buckets.ts'
import type { Store } from '../../store/store.ts'
import { owner } from '../owner.ts'

/** ListBuckets, in pages if requested. */
export function listBuckets(store: Store, request: S3Request): S3Response {
  const prefix = request.query.get('prefix') ?? ''
  const after = request.query.get('continuation-token') ?? ''
  const max = countParameter(request, 'max-buckets', 10_000)
  const region = request.query.get('bucket-region')
  const matching = allBuckets(store).filter(
    bucket => bucket.name.startsWith(prefix) && bucket.name > after && (region ?? bucket.region) === bucket.region,
  )
  const page = matching.slice(0, max)
  return xmlResponse('ListAllMyBucketsResult', {
    Owner: owner,
    Buckets: {
      Bucket: page.map(bucket => ({ Name: bucket.name, CreationDate: xmlDate(bucket.createdAt), BucketRegion: bucket.region })),
    },
    ContinuationToken: matching.length > page.length ? page.at(-1)?.name : undefined,
    Prefix: request.query.get('prefix'),
  })
}
