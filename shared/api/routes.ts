import * as v from 'valibot'
import {
  auditEntry,
  details,
  expiresIn,
  hookExecution,
  inBucket,
  inContainer,
  inS3Bucket,
  named,
  oneOrMany,
  page,
  reconcileStart,
  span,
} from './inputs.ts'
import * as p from './parameters.ts'

/**
 * An operation of the HTTP API as plain data. The handlers' types, the OpenAPI document and the documentation derive from it. `query` reads
 * strings (arrays of strings for repeated parameters); `returns` describes the body of `status`.
 */
export type Route = {
  method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  summary: string
  query: v.StrictObjectSchema<v.ObjectEntries, undefined>
  body?: v.GenericSchema
  status: number
  returns: string
  /** Statuses of its errors, besides 400, and 413 and 415 where there is a body. Any operation may return 500 and 503. */
  errors?: readonly number[]
}

/** Every operation by its id. */
export const routes = {
  getHealth: {
    method: 'GET',
    path: '/health',
    summary: 'Checks that the API reaches its database.',
    query: v.strictObject({}),
    status: 200,
    returns: '`{ status }`; 503 when the database cannot be reached',
  },
  getDescription: {
    method: 'GET',
    path: '/openapi.json',
    summary: 'Returns this API as an OpenAPI 3.1 document.',
    query: v.strictObject({}),
    status: 200,
    returns: 'an OpenAPI document',
  },
  searchObjects: {
    method: 'GET',
    path: '/search',
    summary:
      'Finds objects by words of their key, content type, metadata and tags, best first. Searches all buckets unless one is given.',
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
    returns: '`{ items, nextCursor }` of objects with their `rank`',
  },
  listObjects: {
    method: 'GET',
    path: '/objects',
    summary: 'Lists objects by prefix in the order of their keys. With a delimiter, deeper keys are returned once, as a prefix.',
    query: v.strictObject({
      ...inBucket,
      prefix: v.optional(p.prefix),
      delimiter: v.optional(p.name(1024)),
      backend: v.optional(p.backend),
      metadata: v.optional(p.metadataFilter),
      ...page,
    }),
    status: 200,
    returns: '`{ items, prefixes, nextCursor }` of objects',
  },
  getObject: {
    method: 'GET',
    path: '/object',
    summary: 'Returns the current object of a key.',
    query: v.strictObject(named),
    status: 200,
    returns: 'the object',
    errors: [404],
  },
  recordObject: {
    method: 'PUT',
    path: '/object',
    summary: 'Inserts or replaces an object of any backend but S3. Its version becomes the latest of the key.',
    query: v.strictObject({ ...inContainer, key: p.key }),
    body: p.object({ size: p.size, versionId: v.optional(p.versionId), ...details }),
    status: 200,
    returns: 'the object',
    errors: [409],
  },
  deleteObject: {
    method: 'DELETE',
    path: '/object',
    summary: 'Deletes an object: in S3, where it is there, and then in the catalog. Its versions and audit trail stay.',
    query: v.strictObject(named),
    status: 204,
    returns: 'nothing',
    errors: [404, 409],
  },
  listVersions: {
    method: 'GET',
    path: '/versions',
    summary: 'Lists the versions and delete markers of a key, newest first.',
    query: v.strictObject({ ...named, ...page }),
    status: 200,
    returns: '`{ items, nextCursor }` of versions',
  },
  recordVersion: {
    method: 'POST',
    path: '/versions',
    summary:
      'Inserts or replaces a version or delete marker of any backend but S3. It becomes the latest of its key unless `isLatest` is false.',
    query: v.strictObject({}),
    body: p.object({
      ...inContainer,
      key: p.key,
      versionId: p.versionId,
      isLatest: v.optional(v.boolean('must be true or false')),
      isDeleteMarker: v.optional(v.boolean('must be true or false')),
      size: v.optional(p.size),
      ...details,
    }),
    status: 201,
    returns: '`{ bucket, key, versionId }`',
    errors: [409],
  },
  forgetVersions: {
    method: 'DELETE',
    path: '/versions',
    summary:
      'Removes versions that were recorded by mistake and are not in S3: one of a key, all of a key, or with `all=true` those of a bucket, up to 1,000 at once.',
    query: v.strictObject({
      ...inBucket,
      key: v.optional(p.key),
      versionId: v.optional(p.versionId),
      all: v.optional(p.flag),
    }),
    status: 200,
    returns: '`{ removed, remaining }`: how many, and whether there are more',
    errors: [404, 409],
  },
  annotateVersion: {
    method: 'PATCH',
    path: '/version',
    summary:
      'Changes the comment, tags or author of a version. Null clears the comment or the author. Tags of a version in S3 are written to S3.',
    query: v.strictObject({ ...named, versionId: p.versionId }),
    body: p.object({ comment: v.nullish(p.text(16_384)), tags: v.optional(p.texts), createdBy: v.nullish(p.text(1024)) }),
    status: 200,
    returns: 'the version',
    errors: [404, 409],
  },
  getAuditLogs: {
    method: 'GET',
    path: '/audit',
    summary:
      'Lists the audit trail, newest first. `from` is inclusive, `to` exclusive. Covers all buckets unless a bucket or a key is given.',
    query: v.strictObject({
      ...inBucket,
      key: v.optional(p.key),
      versionId: v.optional(p.versionId),
      userId: v.optional(p.text(1024)),
      claimedUserId: v.optional(p.text(1024)),
      source: v.optional(p.auditSource),
      action: v.optional(p.action),
      success: v.optional(p.flag),
      ...span,
      ...page,
    }),
    status: 200,
    returns: '`{ items, nextCursor }` of audit entries',
  },
  logAudit: {
    method: 'POST',
    path: '/audit',
    summary:
      'Appends one entry or an array of up to 1,000. The user is the caller; what an entry says about the user is kept as a claim.',
    query: v.strictObject({}),
    body: oneOrMany(auditEntry),
    status: 201,
    returns: '`{ logged }`, how many',
  },
  getHookStatistics: {
    method: 'GET',
    path: '/hooks',
    summary: 'Returns for each hook: executions, success rate, mean and percentiles of the time in milliseconds, last failure.',
    query: v.strictObject({ hookName: v.optional(p.name(255)), ...span, ...page }),
    status: 200,
    returns: '`{ items, nextCursor }` of statistics',
  },
  logHookExecution: {
    method: 'POST',
    path: '/hooks',
    summary: 'Logs one execution of a hook, or an array of up to 1,000.',
    query: v.strictObject({}),
    body: oneOrMany(hookExecution),
    status: 201,
    returns: '`{ logged }`, how many',
  },
  getStatistics: {
    method: 'GET',
    path: '/statistics',
    summary: 'Returns what the catalog holds, of one bucket or of all, and its growth over the last days.',
    query: v.strictObject({ ...inBucket, days: v.optional(p.count(1, 3660)) }),
    status: 200,
    returns: 'the statistics',
  },
  listBuckets: {
    method: 'GET',
    path: '/buckets',
    summary: 'Lists the buckets of the catalog with what they hold.',
    query: v.strictObject(page),
    status: 200,
    returns: '`{ items, nextCursor }` of buckets',
  },
  createUpload: {
    method: 'POST',
    path: '/uploads',
    summary: 'Creates a presigned URL to upload an object; audited as UPLOAD_URL. The upload must send the returned headers.',
    query: v.strictObject({}),
    body: p.object({
      ...inS3Bucket,
      key: p.key,
      contentType: v.optional(p.headerValue),
      metadata: v.optional(p.userMetadata),
      expiresIn: v.optional(expiresIn.inBody),
    }),
    status: 201,
    returns: '`{ url, method, headers, expiresAt }`',
    errors: [404, 409],
  },
  getDownload: {
    method: 'GET',
    path: '/download',
    summary: 'Creates a presigned URL to download the latest or a given version; audited as DOWNLOAD.',
    query: v.strictObject({
      ...named,
      versionId: v.optional(p.versionId),
      redirect: v.optional(p.flag),
      expiresIn: v.optional(expiresIn.inQuery),
    }),
    status: 200,
    returns: '`{ url, expiresAt }`; with `redirect=true` a 302 to the URL',
    errors: [404, 409],
  },
  startReconcile: {
    method: 'POST',
    path: '/reconciles',
    summary: 'Starts a run of the reconciler, or continues the unfinished run of the same kind, bucket and prefix.',
    query: v.strictObject({}),
    body: reconcileStart,
    status: 202,
    returns: 'the run',
    errors: [409],
  },
  listReconciles: {
    method: 'GET',
    path: '/reconciles',
    summary: 'Lists the runs of the reconciler, newest first.',
    query: v.strictObject({ ...inBucket, ...page }),
    status: 200,
    returns: '`{ items, nextCursor }` of runs',
  },
  getReconcile: {
    method: 'GET',
    path: '/reconcile',
    summary: 'Returns a run with its progress and findings.',
    query: v.strictObject({ id: p.id }),
    status: 200,
    returns: 'the run',
    errors: [404],
  },
  listDifferences: {
    method: 'GET',
    path: '/differences',
    summary: 'Lists the versions that a run found to differ between bucket and catalog, by key; the first 10,000 are kept.',
    query: v.strictObject({ run: p.id, ...page }),
    status: 200,
    returns: '`{ items, nextCursor }` of `{ key, versionId, kind }`',
    errors: [404],
  },
  stopReconcile: {
    method: 'DELETE',
    path: '/reconcile',
    summary: 'Stops a run at its next checkpoint; starting it again continues there.',
    query: v.strictObject({ id: p.id }),
    status: 202,
    returns: 'the run',
    errors: [404, 409],
  },
} as const satisfies Record<string, Route>

/** The id of an operation. */
export type OperationId = keyof typeof routes

/** The query parameters of an operation, after validation. */
export type Query<Id extends OperationId> = v.InferOutput<(typeof routes)[Id]['query']>

/** The body of an operation, after validation; undefined for operations without one. */
export type Body<Id extends OperationId> = (typeof routes)[Id] extends { body: infer S extends v.GenericSchema }
  ? v.InferOutput<S>
  : undefined
