import { type ForgetScope, findForgettable, forgetVersions } from '../../../shared/writes/forget-versions.ts'
import type { Caller } from '../caller.ts'
import type { ApiDependencies } from '../operation.ts'
import { auditedWrite } from './audited-write.ts'

/** Version ids that the entry names at most. */
const MAX_NAMES = 20

/** Takes back versions that S3 does not have, for a caller. Throws NotFound when there are none, and Conflict when S3 has one. */
export async function forgetVersionsOf({ sql, s3 }: ApiDependencies, caller: Caller, scope: ForgetScope) {
  // S3 is asked before the transaction: a version that is gone stays gone, or is newer than the answer.
  const found = await findForgettable(sql, s3, scope)
  await auditedWrite(sql, caller, async (transaction, trail) => {
    await forgetVersions(transaction, scope.bucket, found)
    const versions = found.versions.slice(0, MAX_NAMES).map(({ key, versionId }) => ({ key, versionId }))
    trail.add({ action: 'FORGET', ...scope, metadata: { removed: found.versions.length, versions } })
  })
  return { removed: found.versions.length, remaining: found.isRest }
}
