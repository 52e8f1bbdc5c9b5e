import { DeleteObjectsCommand } from '@aws-sdk/client-s3'
import { fetchVersionPage, type VersionMarker } from '../../shared/s3/version-pages.ts'
import type { Bucket } from '../connect/bucket.ts'

/** Deletes every version and delete marker of the keys with a prefix that `includes` accepts. Returns how many were deleted. */
export async function deleteVersions(
  { s3, name: bucket }: Pick<Bucket, 's3' | 'name'>,
  prefix: string,
  includes: (key: string) => boolean = () => true,
): Promise<number> {
  let deleted = 0
  let after: VersionMarker | undefined = {}
  while (after) {
    const { entries, next } = await fetchVersionPage(s3, { bucket, prefix, after })
    const Objects = entries.filter(({ key }) => includes(key)).map(({ key, versionId }) => ({ Key: key, VersionId: versionId }))
    if (Objects.length > 0) {
      const { Errors = [] } = await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }))
      if (Errors.length > 0) throw new Error(`${Errors[0]?.Key} cannot be deleted: ${Errors[0]?.Message}`)
    }
    deleted += Objects.length
    after = next
  }
  return deleted
}
