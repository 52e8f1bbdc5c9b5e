import { bucketOf, type Operation } from '../operation.ts'

/** GET /search. */
export const searchObjects: Operation<'searchObjects'> = async ({ sql }, { query: { q, ...filter } }) => {
  // Loaded when first needed, not in a cold start.
  const search = await import('../../../shared/search/search.ts')
  return { body: await search.searchObjects(sql, { query: q, ...filter }) }
}

/** GET /objects. */
export const listObjects: Operation<'listObjects'> = async (dependencies, { query }) => {
  const { listObjects: list } = await objects()
  return { body: await list(dependencies.sql, { ...query, bucket: bucketOf(dependencies, query) }) }
}

/** GET /object. */
export const getObject: Operation<'getObject'> = async (dependencies, { query: { key, bucket } }) => {
  const { getObjectMetadata } = await objects()
  return { body: await getObjectMetadata(dependencies.sql, { bucket: bucketOf(dependencies, { bucket }), key }) }
}

/** PUT /object. */
export const recordObject: Operation<'recordObject'> = async (dependencies, { query, body, caller }) => {
  const { recordVersionOf } = await import('../writes/record-version.ts')
  const name = { bucket: bucketOf(dependencies, query), key: query.key }
  await recordVersionOf(dependencies, caller, { versionId: 'null', ...body, ...name })
  const { getObjectMetadata } = await objects()
  return { body: await getObjectMetadata(dependencies.sql, name) }
}

/** DELETE /object. */
export const deleteObject: Operation<'deleteObject'> = async (dependencies, { query, caller }) => {
  const { deleteObjectOf } = await import('../writes/delete-object.ts')
  await deleteObjectOf(dependencies, caller, { bucket: bucketOf(dependencies, query), key: query.key })
  return {}
}

/** Loaded when first needed, not in a cold start. */
function objects() {
  return import('../../../shared/catalog/objects.ts')
}
