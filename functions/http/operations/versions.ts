import { bucketOf, type Operation } from '../operation.ts'

/** GET /versions. */
export const listVersions: Operation<'listVersions'> = async (dependencies, { query }) => {
  const { listVersions: list } = await versions()
  return { body: await list(dependencies.sql, { ...query, bucket: bucketOf(dependencies, query) }) }
}

/** POST /versions. */
export const recordVersion: Operation<'recordVersion'> = async (dependencies, { body, caller }) => {
  const { recordVersionOf } = await import('../record-version.ts')
  const bucket = bucketOf(dependencies, body)
  await recordVersionOf(dependencies, caller, { ...body, bucket })
  return { body: { bucket, key: body.key, versionId: body.versionId } }
}

/** PATCH /version. */
export const annotateVersion: Operation<'annotateVersion'> = async (dependencies, { query, body, caller }) => {
  const { annotateVersionOf } = await import('../annotate-version.ts')
  return { body: await annotateVersionOf(dependencies, caller, { ...query, bucket: bucketOf(dependencies, query) }, body) }
}

/** Loaded when first needed, not in a cold start. */
function versions() {
  return import('../../../shared/catalog/versions.ts')
}
