import * as v from 'valibot'
import { auditEntry, details, expiresIn, hookExecution, inBucket, named, oneOrMany, page, span } from './inputs.ts'
import * as p from './parameters.ts'

/**
 * An operation of the HTTP API as plain data: the handler gets its types from it, and the documentation and the description
 * of the API are made of it. `query` takes texts (of repeated parameters arrays); `answers` says what the body of `status` is.
 */
export type Route = {
  method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  summary: string
  query: v.StrictObjectSchema<v.ObjectEntries, undefined>
  body?: v.GenericSchema
  status: number
  answers: string
}

/** Every operation by its id. */
export const routes = {
  getHealth: {
    method: 'GET',
    path: '/health',
    summary: 'Whether the API reaches its database.',
    query: v.strictObject({}),
    status: 200,
    answers: '`{ status }`; 503 when the database cannot be reached',
  },
  getDescription: {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This API as an OpenAPI 3.1 document.',
    query: v.strictObject({}),
    status: 200,
    answers: 'an OpenAPI document',
  },
  searchObjects: {
    method: 'GET',
    path: '/search',
    summary: 'Objects by words of their key, content type, metadata and tags, best first. Without a bucket in all of them.',
    query: v.strictObject({
      q: p.name(4096),
      ...inBucket,
      prefix: v.optional(p.prefix),
      backend: v.optional(p.backend),
      contentType: v.optional(p.name(1024)),
      metadata: v.optional(p.metadataFilter),
      ...page,
    }),
    status: 200,
    answers: '`{ items, nextCursor }` of objects with their `rank`',
  },
  listObjects: {
    method: 'GET',
    path: '/objects',
    summary: 'Objects by prefix in the order of their keys; with a delimiter, what is deeper is answered once, as a prefix.',
    query: v.strictObject({
      ...inBucket,
      prefix: v.optional(p.prefix),
      delimiter: v.optional(p.name(1024)),
      backend: v.optional(p.backend),
      metadata: v.optional(p.metadataFilter),
      ...page,
    }),
    status: 200,
    answers: '`{ items, prefixes, nextCursor }` of objects',
  },
  getObject: {
    method: 'GET',
    path: '/object',
    summary: 'What the catalog knows of an object.',
    query: v.strictObject(named),
    status: 200,
    answers: 'the object',
  },
  recordObject: {
    method: 'PUT',
    path: '/object',
    summary: 'Inserts or replaces an object of any backend; its version is the latest of the key from then on.',
    query: v.strictObject(named),
    body: p.object({ size: p.size, versionId: v.optional(p.versionId), ...details }),
    status: 200,
    answers: 'the object',
  },
  deleteObject: {
    method: 'DELETE',
    path: '/object',
    summary: 'Takes an object out of the catalog, not out of its bucket; its versions and audit trail stay.',
    query: v.strictObject(named),
    status: 204,
    answers: 'nothing',
  },
  listVersions: {
    method: 'GET',
    path: '/versions',
    summary: 'Versions and delete markers of a key, newest first.',
    query: v.strictObject({ ...named, ...page }),
    status: 200,
    answers: '`{ items, nextCursor }` of versions',
  },
  recordVersion: {
    method: 'POST',
    path: '/versions',
    summary: 'Inserts or replaces a version or delete marker; the latest of its key, unless `isLatest` is false.',
    query: v.strictObject({}),
    body: p.object({
      ...named,
      versionId: p.versionId,
      isLatest: v.optional(v.boolean('must be true or false')),
      isDeleteMarker: v.optional(v.boolean('must be true or false')),
      size: v.optional(p.size),
      ...details,
    }),
    status: 201,
    answers: '`{ bucket, key, versionId }`',
  },
  annotateVersion: {
    method: 'PATCH',
    path: '/version',
    summary: 'Changes the comment, tags or author of a version; null takes a comment or an author away.',
    query: v.strictObject({ ...named, versionId: p.versionId }),
    body: p.object({ comment: v.nullish(p.text(16_384)), tags: v.optional(p.texts), createdBy: v.nullish(p.text(1024)) }),
    status: 200,
    answers: 'the version',
  },
  getAuditLogs: {
    method: 'GET',
    path: '/audit',
    summary:
      'The audit trail, newest first; `from` is the first moment, `to` the first one behind. Without a bucket, and without a key, of all buckets.',
    query: v.strictObject({
      ...inBucket,
      key: v.optional(p.key),
      versionId: v.optional(p.versionId),
      userId: v.optional(p.text(1024)),
      action: v.optional(p.action),
      success: v.optional(p.flag),
      ...span,
      ...page,
    }),
    status: 200,
    answers: '`{ items, nextCursor }` of audit entries',
  },
  logAudit: {
    method: 'POST',
    path: '/audit',
    summary:
      'Appends one entry or an array of up to 1,000. Who, from where and with what is the caller where nothing is said of it.',
    query: v.strictObject({}),
    body: oneOrMany(auditEntry),
    status: 201,
    answers: '`{ logged }`, how many',
  },
  getHookStatistics: {
    method: 'GET',
    path: '/hooks',
    summary: 'Per hook: executions, success rate, mean and percentiles of the time in milliseconds, last failure.',
    query: v.strictObject({ hookName: v.optional(p.name(255)), ...span }),
    status: 200,
    answers: '`{ items, nextCursor }` of statistics; `nextCursor` is null',
  },
  logHookExecution: {
    method: 'POST',
    path: '/hooks',
    summary: 'Logs one execution of a hook or an array of up to 1,000.',
    query: v.strictObject({}),
    body: oneOrMany(hookExecution),
    status: 201,
    answers: '`{ logged }`, how many',
  },
  getStatistics: {
    method: 'GET',
    path: '/statistics',
    summary: 'What the catalog holds, of one bucket or of all, and its growth over the last days.',
    query: v.strictObject({ ...inBucket, days: v.optional(p.count(1, 3660)) }),
    status: 200,
    answers: 'the statistics',
  },
  listBuckets: {
    method: 'GET',
    path: '/buckets',
    summary: 'The buckets that the catalog knows, and what they hold.',
    query: v.strictObject({}),
    status: 200,
    answers: '`{ items, nextCursor }` of buckets; `nextCursor` is null',
  },
  createUpload: {
    method: 'POST',
    path: '/uploads',
    summary: 'A presigned URL to upload an object with; audited as UPLOAD_URL. The headers must be sent as they are answered.',
    query: v.strictObject({}),
    body: p.object({
      ...named,
      contentType: v.optional(p.headerValue),
      metadata: v.optional(p.userMetadata),
      expiresIn: v.optional(expiresIn.inBody),
    }),
    status: 201,
    answers: '`{ url, method, headers, expiresAt }`',
  },
  getDownload: {
    method: 'GET',
    path: '/download',
    summary: 'A presigned URL to download the latest or a given version with; audited as DOWNLOAD.',
    query: v.strictObject({
      ...named,
      versionId: v.optional(p.versionId),
      redirect: v.optional(p.flag),
      expiresIn: v.optional(expiresIn.inQuery),
    }),
    status: 200,
    answers: '`{ url, expiresAt }`; with `redirect=true` a 302 to the URL',
  },
} as const satisfies Record<string, Route>

/** The id of an operation. */
export type OperationId = keyof typeof routes

/** Query parameters of an operation, as they are behind its schema. */
export type Query<Id extends OperationId> = v.InferOutput<(typeof routes)[Id]['query']>

/** Body of an operation, as it is behind its schema; undefined for those that take none. */
export type Body<Id extends OperationId> = (typeof routes)[Id] extends { body: infer S extends v.GenericSchema }
  ? v.InferOutput<S>
  : undefined
