import * as shared from '../../../shared/catalog/versions.ts'
import { bucketOf, type Operation } from '../operation.ts'

/** GET /versions. */
export const listVersions: Operation<'listVersions'> = async (parts, { query }) => ({
  body: await shared.listVersions(parts.sql, { ...query, bucket: bucketOf(parts, query) }),
})

/** POST /versions. */
export const recordVersion: Operation<'recordVersion'> = async (parts, { body }) => {
  const bucket = bucketOf(parts, body)
  await shared.recordVersion(parts.sql, { ...body, bucket })
  return { body: { bucket, key: body.key, versionId: body.versionId } }
}

/** PATCH /version. */
export const annotateVersion: Operation<'annotateVersion'> = async (parts, { query, body }) => ({
  body: await shared.annotateVersion(parts.sql, { ...query, ...body, bucket: bucketOf(parts, query) }),
})
