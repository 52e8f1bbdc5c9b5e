import { lockKey } from '../../../shared/catalog/lock-key.ts'
import { changeOf } from '../../../shared/catalog/version-change.ts'
import { findVersion, hasVersionInS3, type NewVersion, recordVersion } from '../../../shared/catalog/versions.ts'
import { Conflict } from '../../../shared/errors.ts'
import type { Caller } from '../caller.ts'
import type { ApiDependencies } from '../operation.ts'
import { auditedWrite, nameOf } from './audited-write.ts'

/**
 * Records a version of another backend than S3 for a caller, who is kept beside an author that they name; the entry has what changed. Throws
 * Conflict for a key that is in S3.
 */
export async function recordVersionOf({ sql }: ApiDependencies, caller: Caller, version: NewVersion): Promise<void> {
  const { bucket, key, versionId } = version
  const claim = version.createdBy === undefined ? {} : { claimedBy: nameOf(caller) }
  await auditedWrite(sql, caller, async (transaction, trail) => {
    await lockKey(transaction, version)
    if (await hasVersionInS3(transaction, version)) throw new Conflict(`${key} in bucket ${bucket} is in S3, which owns it`)
    const before = await findVersion(transaction, version)
    await recordVersion(transaction, { ...version, ...claim })
    const after = await findVersion(transaction, version)
    trail.add({ action: 'RECORD', bucket, key, versionId, metadata: after && changeOf(before, after) })
  })
}
