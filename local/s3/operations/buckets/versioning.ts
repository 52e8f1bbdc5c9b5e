import { notImplemented, S3Error } from '../../errors.ts'
import { readDocument } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import { fromXml, textOf, withOnly } from '../../http/xml.ts'
import { setVersioning } from '../../store/buckets.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'

/** GetBucketVersioning: no status until versioning is first enabled. */
export function getBucketVersioning(bucket: Bucket): S3Response {
  return xmlResponse('VersioningConfiguration', { Status: bucket.versioning || undefined })
}

/** PutBucketVersioning. */
export async function putBucketVersioning(store: Store, request: S3Request, bucket: Bucket): Promise<S3Response> {
  const document = fromXml('VersioningConfiguration', await readDocument(request))
  const configuration = withOnly(document, ['Status', 'MfaDelete'])
  const status = textOf(configuration, 'Status')
  if (textOf(configuration, 'MfaDelete') === 'Enabled') throw notImplemented('MfaDelete')
  if (status !== 'Enabled' && status !== 'Suspended') throw new S3Error('IllegalVersioningConfigurationException')
  setVersioning(store, bucket.name, status)
  return { status: 200 }
}
