import { notImplemented, S3Error } from './errors.ts'
import type { S3Request } from './http/request.ts'
import type { S3Response } from './http/response.ts'
import { getBucketLocation, headBucket, putBucket, removeBucket } from './operations/buckets/bucket.ts'
import { getBucketVersioning, putBucketVersioning } from './operations/buckets/versioning.ts'
import { listBuckets } from './operations/listings/list-buckets.ts'
import { listMultipartUploads } from './operations/listings/list-multipart-uploads.ts'
import { listObjectVersions } from './operations/listings/list-object-versions.ts'
import { listObjects, listObjectsV2 } from './operations/listings/list-objects.ts'
import { listParts } from './operations/listings/list-parts.ts'
import { completeMultipartUpload } from './operations/multipart/complete-upload.ts'
import { abortMultipartUpload, createMultipartUpload } from './operations/multipart/start-upload.ts'
import { uploadPart, uploadPartCopy } from './operations/multipart/upload-part.ts'
import { getBucketAcl, getObjectAcl, putObjectAcl } from './operations/objects/acl.ts'
import { copyObject } from './operations/objects/copy-object.ts'
import { deleteObject, deleteObjects } from './operations/objects/delete-object.ts'
import { getObject } from './operations/objects/get-object.ts'
import { getObjectAttributes } from './operations/objects/get-object-attributes.ts'
import { putObject } from './operations/objects/put-object.ts'
import { restoreObject } from './operations/objects/restore-object.ts'
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from './operations/objects/tagging.ts'
import { findBucket } from './store/buckets.ts'
import type { Store } from './store/store.ts'
import type { Bucket } from './store/types.ts'

/** Finds the operation by method and sub-resource and runs it; what is not there is NotImplemented, never something else. */
export function route(store: Store, request: S3Request): S3Response | Promise<S3Response> {
  const { method, bucket: name, key, query, headers } = request
  if (method === 'OPTIONS') throw new S3Error('AccessForbidden')
  const subResource = subResources.find(one => query.has(one)) ?? ''
  if (name === undefined) {
    if (method === 'GET' && subResource === '') return listBuckets(store, request)
    throw new S3Error('MethodNotAllowed', { details: { Method: method, ResourceType: 'SERVICE' } })
  }
  if (key === undefined) {
    if (method === 'PUT' && subResource === '') return putBucket(store, request, name)
    const operation = bucketOperations[`${method} ${subResource}`]
    if (!operation) throw unknown(method, subResource, 'BUCKET')
    return operation(store, request, findBucket(store, name))
  }
  const copies = method === 'PUT' && headers['x-amz-copy-source'] !== undefined ? ' copy' : ''
  const operation = objectOperations[`${method} ${subResource}${copies}`]
  if (!operation) throw unknown(method, subResource, 'OBJECT')
  return operation(store, request, findBucket(store, name), key)
}

type BucketOperation = (store: Store, request: S3Request, bucket: Bucket) => S3Response | Promise<S3Response>
type ObjectOperation = (store: Store, request: S3Request, bucket: Bucket, key: string) => S3Response | Promise<S3Response>

const bucketOperations: Record<string, BucketOperation> = {
  'HEAD ': (_store, _request, bucket) => headBucket(bucket),
  'DELETE ': (store, _request, bucket) => removeBucket(store, bucket),
  'GET ': (store, request, bucket) =>
    (request.query.get('list-type') === '2' ? listObjectsV2 : listObjects)(store, request, bucket),
  'GET versions': listObjectVersions,
  'GET uploads': listMultipartUploads,
  'GET location': (_store, _request, bucket) => getBucketLocation(bucket),
  'GET versioning': (_store, _request, bucket) => getBucketVersioning(bucket),
  'PUT versioning': putBucketVersioning,
  'GET acl': () => getBucketAcl(),
  'POST delete': deleteObjects,
}

const objectOperations: Record<string, ObjectOperation> = {
  'GET ': getObject,
  'HEAD ': getObject,
  'PUT ': putObject,
  'PUT  copy': copyObject,
  'DELETE ': deleteObject,
  'GET attributes': getObjectAttributes,
  'GET tagging': getObjectTagging,
  'PUT tagging': putObjectTagging,
  'DELETE tagging': deleteObjectTagging,
  'GET acl': getObjectAcl,
  'PUT acl': putObjectAcl,
  'POST restore': restoreObject,
  'POST uploads': createMultipartUpload,
  'PUT uploadId': uploadPart,
  'PUT uploadId copy': uploadPartCopy,
  'POST uploadId': completeMultipartUpload,
  'DELETE uploadId': abortMultipartUpload,
  'GET uploadId': listParts,
}

// All of S3's sub-resources: one that is not routed must not be taken for the plain object or bucket.
const subResources = [
  ...['uploads', 'uploadId', 'versions', 'versioning', 'location', 'delete', 'tagging', 'acl', 'attributes', 'restore', 'select'],
  ...['accelerate', 'analytics', 'cors', 'encryption', 'intelligent-tiering', 'inventory', 'legal-hold', 'lifecycle', 'logging'],
  ...['metadataTable', 'metadataConfiguration', 'metadataInventoryTable', 'metadataJournalTable', 'metrics', 'notification'],
  ...['object-lock', 'ownershipControls', 'policy', 'policyStatus', 'publicAccessBlock', 'renameObject', 'replication', 'abac'],
  ...['requestPayment', 'retention', 'session', 'torrent', 'website', 'append'],
]

function unknown(method: string, subResource: string, resourceType: string): S3Error {
  if (subResource !== '') return notImplemented(subResource)
  if (method === 'POST') return notImplemented('POST')
  return new S3Error('MethodNotAllowed', { details: { Method: method, ResourceType: resourceType } })
}
