import { logAudit } from '../../../shared/catalog/audit.ts'
import { findDownload } from '../../../shared/catalog/download.ts'
import { bucketOf, type Operation } from '../operation.ts'
import { apiEntry } from '../writes/audited-write.ts'

/** Validity of a URL unless the request says otherwise, in seconds. */
const EXPIRES_IN = 900

/** POST /uploads. */
export const createUpload: Operation<'createUpload'> = async (dependencies, { body, caller }) => {
  const { key, contentType, metadata, expiresIn = EXPIRES_IN } = body
  const bucket = bucketOf(dependencies, body)
  const { presignUpload } = await signing()
  const upload = await presignUpload(await dependencies.s3(), { bucket, key, contentType, metadata, expiresIn })
  const signed = { contentType, metadata, expiresAt: upload.expiresAt }
  await logAudit(dependencies.sql, apiEntry(caller, { action: 'UPLOAD_URL', bucket, key, metadata: signed }))
  return { body: upload }
}

/** GET /download. The URL is returned only after the audit trail has the entry. */
export const getDownload: Operation<'getDownload'> = async (dependencies, { query, caller }) => {
  const { key, redirect = false, expiresIn = EXPIRES_IN } = query
  const bucket = bucketOf(dependencies, query)
  const { versionId } = await findDownload(dependencies.sql, { bucket, key, versionId: query.versionId })
  const { presignDownload } = await signing()
  const download = await presignDownload(await dependencies.s3(), { bucket, key, versionId: query.versionId, expiresIn })
  const entry = { action: 'DOWNLOAD', bucket, key, versionId, metadata: { expiresAt: download.expiresAt } }
  await logAudit(dependencies.sql, apiEntry(caller, entry))
  return redirect ? { status: 302, headers: { location: download.url } } : { body: download }
}

/** Loaded for the first URL: the SDK would be most of a cold start. */
function signing() {
  return import('../presign.ts')
}
