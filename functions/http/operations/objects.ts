import * as shared from '../../../shared/catalog/objects.ts'
import * as search from '../../../shared/search/search.ts'
import { bucketOf, type Operation } from '../operation.ts'

/** GET /search. */
export const searchObjects: Operation<'searchObjects'> = async ({ sql }, { query: { q, ...filter } }) => ({
  body: await search.searchObjects(sql, { query: q, ...filter }),
})

/** GET /objects. */
export const listObjects: Operation<'listObjects'> = async (parts, { query }) => ({
  body: await shared.listObjects(parts.sql, { ...query, bucket: bucketOf(parts, query) }),
})

/** GET /object. */
export const getObject: Operation<'getObject'> = async (parts, { query: { key, bucket } }) => ({
  body: await shared.getObjectMetadata(parts.sql, { bucket: bucketOf(parts, { bucket }), key }),
})

/** PUT /object. */
export const recordObject: Operation<'recordObject'> = async (parts, { query, body }) => {
  const name = { bucket: bucketOf(parts, query), key: query.key }
  await shared.recordObject(parts.sql, { ...body, ...name })
  return { body: await shared.getObjectMetadata(parts.sql, name) }
}

/** DELETE /object. */
export const deleteObject: Operation<'deleteObject'> = async (parts, { query }) => {
  await shared.deleteObject(parts.sql, { bucket: bucketOf(parts, query), key: query.key })
  return {}
}
