import { lockKey } from '../../shared/catalog/lock-key.ts'
import { changeOf } from '../../shared/catalog/version-change.ts'
import { findVersion, type NewVersion, recordVersion } from '../../shared/catalog/versions.ts'
import { auditedWrite, nameOf } from './audited-write.ts'
import type { Caller } from './caller.ts'
import type { ApiDependencies } from './operation.ts'

/** Records a version for a caller, who is kept beside an author that they name; the entry has what changed. */
export async function recordVersionOf({ sql }: ApiDependencies, caller: Caller, version: NewVersion): Promise<void> {
  const claim = version.createdBy === undefined ? {} : { claimedBy: nameOf(caller) }
  await auditedWrite(sql, caller, async (transaction, audit) => {
    await lockKey(transaction, version)
    const before = await findVersion(transaction, version)
    await recordVersion(transaction, { ...version, ...claim })
    const after = await findVersion(transaction, version)
    const { bucket, key, versionId } = version
    audit({ action: 'RECORD', bucket, key, versionId, metadata: after && changeOf(before, after) })
  })
}
