import { notImplemented, S3Error } from '../../errors.ts'
import { versionIdOf } from '../../headers/version-id.ts'
import { readDocument } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import type { S3Response } from '../../http/response.ts'
import { childrenOf, fromXml, textOf } from '../../http/xml.ts'
import { requestRestore } from '../../store/restores.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { requireVersion } from '../../store/versions.ts'

// They differ in time and price only.
const TIERS = ['Standard', 'Bulk', 'Expedited']

/** RestoreObject: 202 if a restore starts, 200 if the lifetime of a restored copy changes. */
export async function restoreObject(store: Store, request: S3Request, bucket: Bucket, key: string): Promise<S3Response> {
  const versionId = versionIdOf(request)
  const document = fromXml('RestoreRequest', await readDocument(request))
  const other = Object.keys(document).find(
    name => !['Days', 'GlacierJobParameters', 'Tier', 'Description', '#text'].includes(name),
  )
  if (other) throw notImplemented(other)
  for (const tier of [
    textOf(document, 'Tier'),
    ...childrenOf(document, 'GlacierJobParameters').map(one => textOf(one, 'Tier')),
  ]) {
    if (tier !== undefined && !TIERS.includes(tier)) throw new S3Error('MalformedXML')
  }
  const days = Number(textOf(document, 'Days'))
  if (!Number.isInteger(days) || days < 1) throw new S3Error('MalformedXML')
  const begun = store.transaction(() => {
    const version = requireVersion(store, bucket, key, versionId)
    return requestRestore(store, bucket, version, days, request.actor)
  })
  return { status: begun ? 202 : 200 }
}
