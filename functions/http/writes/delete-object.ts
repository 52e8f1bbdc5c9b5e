import { lockKey } from '../../../shared/catalog/lock-key.ts'
import { deleteObject, getObjectMetadata } from '../../../shared/catalog/objects.ts'
import type { KeyName } from '../../../shared/names.ts'
import type { Caller } from '../caller.ts'
import type { ApiDependencies } from '../operation.ts'
import { auditedWrite } from './audited-write.ts'

/** Deletes an object where it is, in S3 or in the catalog alone, for a caller. Throws NotFound; and NotFound or Conflict where S3 refuses. */
export async function deleteObjectOf({ sql, s3 }: ApiDependencies, caller: Caller, name: KeyName): Promise<void> {
  await auditedWrite(sql, caller, async (transaction, trail) => {
    // Kept until the end, so that the event of the delete finds the entry.
    await lockKey(transaction, name)
    const object = await getObjectMetadata(transaction, name)
    const { versionId, storageBackend } = object
    const entry = { action: 'DELETE', ...name, versionId, metadata: { storageBackend, deleted: versionId } }
    if (storageBackend !== 's3') {
      await deleteObject(transaction, name)
      return trail.add(entry)
    }
    const { deleteObjectInS3 } = await import('../../../shared/writes/delete-object.ts')
    trail.attempt(entry)
    const deletion = await deleteObjectInS3(transaction, await s3(), object)
    const { s3RequestId } = deletion
    trail.add({ ...entry, versionId: deletion.versionId, metadata: { ...entry.metadata, s3RequestId } })
  })
}
