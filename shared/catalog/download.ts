import type { Sql } from '../database/connection.ts'
import { toStoredKey } from '../database/stored-text.ts'
import { Conflict, NotFound } from '../errors.ts'
import type { KeyName } from '../names.ts'

/**
 * Returns the version that a download of a key, or of one of its versions, would fetch. Throws NotFound when it does not exist or is a
 * delete marker, Conflict when its bytes are not in S3.
 */
export async function findDownload(
  sql: Sql,
  { bucket, key, versionId }: KeyName & { versionId?: string },
): Promise<{ versionId: string }> {
  const [version] = await sql<{ versionId: string; isDeleteMarker: boolean; backend: string }[]>`
    select version_id as "versionId", is_delete_marker as "isDeleteMarker", storage_backend as backend
    from catalog.storage_versions
    where bucket = ${bucket} and key = ${toStoredKey(key)}
      and ${versionId === undefined ? sql`is_latest` : sql`version_id = ${versionId}`}
  `
  const what = versionId === undefined ? `object ${key}` : `version ${versionId} of ${key}`
  if (!version) throw new NotFound(`No ${what} in bucket ${bucket}`)
  if (version.isDeleteMarker)
    throw new NotFound(`The ${versionId === undefined ? 'latest version' : 'version'} of ${key} is a delete marker`)
  if (version.backend !== 's3') throw new Conflict(`The bytes of ${key} are in ${version.backend}, not in S3`)
  return { versionId: version.versionId }
}
