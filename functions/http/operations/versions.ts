import { Invalid } from '../../../shared/errors.ts'
import { bucketOf, type Operation } from '../operation.ts'

/** GET /versions. */
export const listVersions: Operation<'listVersions'> = async (dependencies, { query }) => {
  const { listVersions: list } = await versions()
  return { body: await list(dependencies.sql, { ...query, bucket: bucketOf(dependencies, query) }) }
}

/** POST /versions. */
export const recordVersion: Operation<'recordVersion'> = async (dependencies, { body, caller }) => {
  const { recordVersionOf } = await import('../writes/record-version.ts')
  const bucket = bucketOf(dependencies, body)
  await recordVersionOf(dependencies, caller, { ...body, bucket })
  return { body: { bucket, key: body.key, versionId: body.versionId } }
}

/** PATCH /version. */
export const annotateVersion: Operation<'annotateVersion'> = async (dependencies, { query, body, caller }) => {
  const { annotateVersionOf } = await import('../writes/annotate-version.ts')
  return { body: await annotateVersionOf(dependencies, caller, { ...query, bucket: bucketOf(dependencies, query) }, body) }
}

/** DELETE /versions. */
export const forgetVersions: Operation<'forgetVersions'> = async (dependencies, { query, caller }) => {
  const { all = false, key, versionId, bucket } = query
  if (all && (bucket === undefined || key !== undefined || versionId !== undefined))
    throw new Invalid('all needs a bucket, and no key and version')
  if (!all && key === undefined) throw new Invalid('key is required, or all=true with a bucket')
  const { forgetVersionsOf } = await import('../writes/forget-versions.ts')
  return { body: await forgetVersionsOf(dependencies, caller, { bucket: bucketOf(dependencies, query), key, versionId }) }
}

/** Loaded when first needed, not in a cold start. */
function versions() {
  return import('../../../shared/catalog/versions.ts')
}
