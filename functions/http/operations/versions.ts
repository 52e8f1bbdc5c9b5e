import { bucketOf, type Operation } from '../operation.ts'

/** GET /versions. */
export const listVersions: Operation<'listVersions'> = async (dependencies, { query }) => {
  const { listVersions: list } = await versions()
  return { body: await list(dependencies.sql, { ...query, bucket: bucketOf(dependencies, query) }) }
}

/** POST /versions. */
export const recordVersion: Operation<'recordVersion'> = async (dependencies, { body }) => {
  const { recordVersion: record } = await versions()
  const bucket = bucketOf(dependencies, body)
  await record(dependencies.sql, { ...body, bucket })
  return { body: { bucket, key: body.key, versionId: body.versionId } }
}

/** PATCH /version. */
export const annotateVersion: Operation<'annotateVersion'> = async (dependencies, { query, body }) => {
  const { annotateVersion: annotate } = await versions()
  return { body: await annotate(dependencies.sql, { ...query, ...body, bucket: bucketOf(dependencies, query) }) }
}

/** Loaded when first needed, not in a cold start. */
function versions() {
  return import('../../../shared/catalog/versions.ts')
}
