import { S3Error } from '../../errors.ts'
import { versionHeader, versionIdOf } from '../../headers/version-id.ts'
import { readDocument } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import { childrenOf, fromXml, textOf } from '../../http/xml.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { requireVersion } from '../../store/versions.ts'
import { publishChange } from '../../store/write-versions.ts'
import { owner } from '../owner.ts'

/** GetObjectAcl: always the private ACL, FULL_CONTROL for the owner. */
export function getObjectAcl(store: Store, request: S3Request, bucket: Bucket, key: string): S3Response {
  const version = requireVersion(store, bucket, key, versionIdOf(request))
  return xmlResponse('AccessControlPolicy', ownersAcl, versionHeader(bucket, version.versionId))
}

/** GetBucketAcl: always the private ACL. */
export function getBucketAcl(): S3Response {
  return xmlResponse('AccessControlPolicy', ownersAcl)
}

/** PutBucketAcl: accepts any form of the private ACL only. */
export async function putBucketAcl(_store: Store, request: S3Request, _bucket: Bucket): Promise<S3Response> {
  const document = await readDocument(request)
  if (request.headers['x-amz-acl'] === undefined) requireOwnersAcl(document)
  return { status: 200 }
}

/** PutObjectAcl: accepts any form of the private ACL. Every other is AccessControlListNotSupported, as in a bucket whose owner owns all objects. */
export async function putObjectAcl(store: Store, request: S3Request, bucket: Bucket, key: string): Promise<S3Response> {
  const versionId = versionIdOf(request)
  const document = await readDocument(request)
  if (request.headers['x-amz-acl'] === undefined) requireOwnersAcl(document)
  const version = store.transaction(() => {
    const changed = requireVersion(store, bucket, key, versionId)
    publishChange(store, bucket, changed, 'ObjectAcl:Put', request.actor)
    return changed
  })
  return { status: 200, headers: versionHeader(bucket, version.versionId) }
}

const ownersAcl = {
  Owner: owner,
  AccessControlList: {
    Grant: {
      Grantee: { '@_xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance', '@_xsi:type': 'CanonicalUser', ...owner },
      Permission: 'FULL_CONTROL',
    },
  },
}

function requireOwnersAcl(document: string): void {
  if (document === '') throw new S3Error('MalformedACLError')
  const grants = childrenOf(fromXml('AccessControlPolicy', document), 'AccessControlList').flatMap(list =>
    childrenOf(list, 'Grant'),
  )
  const grantees = grants.map(grant => childrenOf(grant, 'Grantee').map(grantee => textOf(grantee, 'ID'))[0])
  if (grants.length === 0) throw new S3Error('MalformedACLError')
  const isOwners = grants.every((grant, index) => textOf(grant, 'Permission') === 'FULL_CONTROL' && grantees[index] === owner.ID)
  if (!isOwners) throw new S3Error('AccessControlListNotSupported')
}
