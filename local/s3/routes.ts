import { notImplemented, S3Error } from './errors.ts'
import { checkInputs } from './headers/supported.ts'
import type { S3Request } from './http/request.ts'
import type { S3Response } from './http/response.ts'
import { getBucketLocation, headBucket, putBucket, removeBucket } from './operations/buckets/bucket.ts'
import { deleteBucketCors, getBucketCors, putBucketCors } from './operations/buckets/cors.ts'
import { deleteBucketTagging, getBucketTagging, putBucketTagging } from './operations/buckets/tagging.ts'
import { getBucketVersioning, putBucketVersioning } from './operations/buckets/versioning.ts'
import { listBuckets } from './operations/listings/list-buckets.ts'
import { listMultipartUploads } from './operations/listings/list-multipart-uploads.ts'
import { listObjectVersions } from './operations/listings/list-object-versions.ts'
import { listObjects, listObjectsV2 } from './operations/listings/list-objects.ts'
import { listParts } from './operations/listings/list-parts.ts'
import { completeMultipartUpload } from './operations/multipart/complete-upload.ts'
import { abortMultipartUpload, createMultipartUpload } from './operations/multipart/start-upload.ts'
import { uploadPart, uploadPartCopy } from './operations/multipart/upload-part.ts'
import { getBucketAcl, getObjectAcl, putBucketAcl, putObjectAcl } from './operations/objects/acl.ts'
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

/**
 * Finds the operation by method and sub-resource and runs it. NotImplemented for every other sub-resource, header or parameter, so that no
 * request is taken for another one.
 */
export function route(store: Store, request: S3Request): S3Response | Promise<S3Response> {
  const { method, bucket: name, key, query, headers } = request
  const subResource = subResources.find(one => query.has(one)) ?? ''
  if (name === undefined) {
    if (method !== 'GET' || subResource !== '')
      throw new S3Error('MethodNotAllowed', { details: { Method: method, ResourceType: 'SERVICE' } })
    checkInputs('ListBuckets', subResource, request)
    return listBuckets(store, request)
  }
  if (key === undefined) {
    if (method === 'PUT' && subResource === '') {
      checkInputs('CreateBucket', subResource, request)
      return putBucket(store, request, name)
    }
    const v2 = method === 'GET' && subResource === '' && query.get('list-type') === '2' ? 'list-type' : subResource
    const [operationName, operation] = bucketRoutes.get(`${method} ${v2}`) ?? []
    if (!operationName || !operation) throw unknown(method, subResource, 'BUCKET')
    checkInputs(operationName, v2, request)
    return operation(store, request, findBucket(store, name))
  }
  const copies = method === 'PUT' && headers['x-amz-copy-source'] !== undefined ? ' copy' : ''
  const [operationName, operation] = objectRoutes.get(`${method} ${subResource}${copies}`) ?? []
  if (!operationName || !operation) throw unknown(method, subResource, 'OBJECT')
  checkInputs(operationName, subResource, request)
  return operation(store, request, findBucket(store, name), key)
}

type BucketOperation = (store: Store, request: S3Request, bucket: Bucket) => S3Response | Promise<S3Response>
type ObjectOperation = (store: Store, request: S3Request, bucket: Bucket, key: string) => S3Response | Promise<S3Response>

// By their names in the S3 API reference: method and sub-resource, and the function.
const bucketOperations: Record<string, [string, BucketOperation]> = {
  HeadBucket: ['HEAD ', (_store, _request, bucket) => headBucket(bucket)],
  DeleteBucket: ['DELETE ', (store, _request, bucket) => removeBucket(store, bucket)],
  ListObjects: ['GET ', listObjects],
  ListObjectsV2: ['GET list-type', listObjectsV2],
  ListObjectVersions: ['GET versions', listObjectVersions],
  ListMultipartUploads: ['GET uploads', listMultipartUploads],
  GetBucketLocation: ['GET location', (_store, _request, bucket) => getBucketLocation(bucket)],
  GetBucketVersioning: ['GET versioning', (_store, _request, bucket) => getBucketVersioning(bucket)],
  PutBucketVersioning: ['PUT versioning', putBucketVersioning],
  GetBucketCors: ['GET cors', getBucketCors],
  PutBucketCors: ['PUT cors', putBucketCors],
  DeleteBucketCors: ['DELETE cors', deleteBucketCors],
  GetBucketTagging: ['GET tagging', getBucketTagging],
  PutBucketTagging: ['PUT tagging', putBucketTagging],
  DeleteBucketTagging: ['DELETE tagging', deleteBucketTagging],
  GetBucketAcl: ['GET acl', () => getBucketAcl()],
  PutBucketAcl: ['PUT acl', putBucketAcl],
  DeleteObjects: ['POST delete', deleteObjects],
}

const objectOperations: Record<string, [string, ObjectOperation]> = {
  GetObject: ['GET ', getObject],
  HeadObject: ['HEAD ', getObject],
  PutObject: ['PUT ', putObject],
  CopyObject: ['PUT  copy', copyObject],
  DeleteObject: ['DELETE ', deleteObject],
  GetObjectAttributes: ['GET attributes', getObjectAttributes],
  GetObjectTagging: ['GET tagging', getObjectTagging],
  PutObjectTagging: ['PUT tagging', putObjectTagging],
  DeleteObjectTagging: ['DELETE tagging', deleteObjectTagging],
  GetObjectAcl: ['GET acl', getObjectAcl],
  PutObjectAcl: ['PUT acl', putObjectAcl],
  RestoreObject: ['POST restore', restoreObject],
  CreateMultipartUpload: ['POST uploads', createMultipartUpload],
  UploadPart: ['PUT uploadId', uploadPart],
  UploadPartCopy: ['PUT uploadId copy', uploadPartCopy],
  CompleteMultipartUpload: ['POST uploadId', completeMultipartUpload],
  AbortMultipartUpload: ['DELETE uploadId', abortMultipartUpload],
  ListParts: ['GET uploadId', listParts],
}

/** The names of all operations that are implemented. */
export const operationNames: readonly string[] = [
  'ListBuckets',
  'CreateBucket',
  ...Object.keys(bucketOperations),
  ...Object.keys(objectOperations),
]

const bucketRoutes = byRoute(bucketOperations)

const objectRoutes = byRoute(objectOperations)

// All sub-resources of S3: a request with one that is not routed must not be taken for one of the plain object or bucket.
const subResources = [
  ...['uploads', 'uploadId', 'versions', 'versioning', 'location', 'delete', 'tagging', 'acl', 'attributes', 'restore', 'select'],
  ...['abac', 'accelerate', 'analytics', 'annotation', 'append', 'cors', 'encryption', 'intelligent-tiering', 'inventory'],
  ...['legal-hold', 'lifecycle', 'logging', 'metadataAnnotationTable', 'metadataConfiguration', 'metadataInventoryTable'],
  ...['metadataJournalTable', 'metadataTable', 'metrics', 'notification', 'object-lock', 'ownershipControls', 'policy'],
  ...['policyStatus', 'publicAccessBlock', 'renameObject', 'replication', 'requestPayment', 'retention', 'session', 'torrent'],
  ...['website'],
]

function byRoute<O>(operations: Record<string, [string, O]>): Map<string, [string, O]> {
  return new Map(Object.entries(operations).map(([name, [at, operation]]) => [at, [name, operation]]))
}

function unknown(method: string, subResource: string, resourceType: string): S3Error {
  if (subResource !== '') return notImplemented(subResource)
  if (method === 'POST') return notImplemented('POST')
  return new S3Error('MethodNotAllowed', { details: { Method: method, ResourceType: resourceType } })
}
