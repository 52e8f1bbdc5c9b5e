import { xmlDate } from '../../encoding.ts'
import { notImplemented, S3Error } from '../../errors.ts'
import { readDocument } from '../../http/payload.ts'
import { countParameter, type S3Request } from '../../http/request.ts'
import { type Answer, xmlAnswer } from '../../http/response.ts'
import { fromXml, textOf } from '../../http/xml.ts'
import { type Bucket, createBucket, defaultRegion, deleteBucket, listBuckets, setVersioning } from '../../store/buckets.ts'
import type { Store } from '../../store/store.ts'
import { owner } from '../owner.ts'

/** ListBuckets, by pages if asked. */
export function answerBuckets(store: Store, request: S3Request): Answer {
  const prefix = request.query.get('prefix') ?? ''
  const after = request.query.get('continuation-token') ?? ''
  const max = countParameter(request, 'max-buckets', 10_000)
  const matching = listBuckets(store).filter(bucket => bucket.name.startsWith(prefix) && bucket.name > after)
  const page = matching.slice(0, max)
  return xmlAnswer('ListAllMyBucketsResult', {
    Owner: owner,
    Buckets: {
      Bucket: page.map(bucket => ({ Name: bucket.name, CreationDate: xmlDate(bucket.createdAt), BucketRegion: bucket.region })),
    },
    ContinuationToken: matching.length > page.length ? page.at(-1)?.name : undefined,
    Prefix: request.query.get('prefix'),
  })
}

/** CreateBucket, in the region that the request names. */
export async function putBucket(store: Store, request: S3Request, name: string): Promise<Answer> {
  if (request.headers['x-amz-bucket-object-lock-enabled'] === 'true') throw notImplemented('x-amz-bucket-object-lock-enabled')
  const document = request.headers['content-length'] === undefined ? '' : await readDocument(request)
  const region = document === '' ? undefined : textOf(fromXml('CreateBucketConfiguration', document), 'LocationConstraint')
  createBucket(store, name, region || defaultRegion)
  return { status: 200, headers: { Location: `/${name}` } }
}

/** HeadBucket. */
export function headBucket(bucket: Bucket): Answer {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/xml', 'x-amz-bucket-region': bucket.region, 'x-amz-access-point-alias': 'false' },
  }
}

/** DeleteBucket. */
export function removeBucket(store: Store, bucket: Bucket): Answer {
  deleteBucket(store, bucket.name)
  return { status: 204 }
}

/** GetBucketLocation: empty for us-east-1, as in S3. */
export function getBucketLocation(bucket: Bucket): Answer {
  return xmlAnswer('LocationConstraint', bucket.region === defaultRegion ? '' : bucket.region)
}

/** GetBucketVersioning: no status at all until versioning is first enabled. */
export function getBucketVersioning(bucket: Bucket): Answer {
  return xmlAnswer('VersioningConfiguration', { Status: bucket.versioning || undefined })
}

/** PutBucketVersioning. */
export async function putBucketVersioning(store: Store, request: S3Request, bucket: Bucket): Promise<Answer> {
  const configuration = fromXml('VersioningConfiguration', await readDocument(request))
  const status = textOf(configuration, 'Status')
  if (textOf(configuration, 'MfaDelete') === 'Enabled') throw notImplemented('MfaDelete')
  if (status !== 'Enabled' && status !== 'Suspended') throw new S3Error('IllegalVersioningConfigurationException')
  setVersioning(store, bucket.name, status)
  return { status: 200 }
}
