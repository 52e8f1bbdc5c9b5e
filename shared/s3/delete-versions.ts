import { DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3'
import { fetchVersionPage, type VersionMarker } from './version-pages.ts'

/** Which versions to delete: of the keys with a prefix that `includes` accepts. */
export type VersionSelection = { bucket: string; prefix?: string; includes?: (key: string) => boolean }

/** Deletes every version and delete marker of a selection. Returns how many. Throws when S3 refuses to delete one. */
export async function deleteVersions(
  s3: S3Client,
  { bucket, prefix = '', includes = () => true }: VersionSelection,
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
