import { lockKey } from '../../shared/catalog/lock-key.ts'
import { changeOf } from '../../shared/catalog/version-change.ts'
import { annotateVersion, getVersion, type StoredVersion, type VersionChanges } from '../../shared/catalog/versions.ts'
import type { VersionName } from '../../shared/names.ts'
import { auditedWrite, nameOf } from './audited-write.ts'
import type { Caller } from './caller.ts'
import type { ApiDependencies } from './operation.ts'

/** Changes the comment, the author or the tags of a version for a caller; the entries have the values before and after. Throws NotFound. */
export async function annotateVersionOf(
  { sql }: ApiDependencies,
  caller: Caller,
  name: VersionName,
  { tags, ...annotations }: Omit<VersionChanges, 'claimedBy'>,
): Promise<StoredVersion> {
  const claim = annotations.createdBy === undefined ? {} : { claimedBy: nameOf(caller) }
  return auditedWrite(sql, caller, async (transaction, audit) => {
    await lockKey(transaction, name)
    let version = await getVersion(transaction, name)
    if (tags) {
      const tagged = await annotateVersion(transaction, { ...name, tags })
      audit({ action: 'TAG', ...name, metadata: changeOf(version, tagged) })
      version = tagged
    }
    if (annotations.comment !== undefined || annotations.createdBy !== undefined) {
      const annotated = await annotateVersion(transaction, { ...name, ...annotations, ...claim })
      audit({ action: 'ANNOTATE', ...name, metadata: changeOf(version, annotated) })
      version = annotated
    }
    return version
  })
}
