import * as shared from '../../../shared/catalog/versions.ts'
import { bucketOf, type Operation } from '../operation.ts'

/** GET /versions. */
export const listVersions: Operation<'listVersions'> = async (dependencies, { query }) => ({
  body: await shared.listVersions(dependencies.sql, { ...query, bucket: bucketOf(dependencies, query) }),
})

/** POST /versions. */
export const recordVersion: Operation<'recordVersion'> = async (dependencies, { body }) => {
  const bucket = bucketOf(dependencies, body)
  await shared.recordVersion(dependencies.sql, { ...body, bucket })
  return { body: { bucket, key: body.key, versionId: body.versionId } }
}

/** PATCH /version. */
export const annotateVersion: Operation<'annotateVersion'> = async (dependencies, { query, body }) => ({
  body: await shared.annotateVersion(dependencies.sql, { ...query, ...body, bucket: bucketOf(dependencies, query) }),
})
