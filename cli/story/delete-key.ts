import { DeleteObjectCommand, ListObjectVersionsCommand, type ListObjectVersionsCommandOutput } from '@aws-sdk/client-s3'
import type { Bucket } from '../connect/bucket.ts'

/** Deletes every version and delete marker of one key from the bucket for good; answers how many there were. */
export async function deleteAllVersions({ s3, name }: Bucket, key: string): Promise<number> {
  const versionIds: (string | undefined)[] = []
  let markers: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {}
  while (markers) {
    const list = new ListObjectVersionsCommand({ Bucket: name, Prefix: key, ...markers })
    const page: ListObjectVersionsCommandOutput = await s3.send(list)
    const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].filter(({ Key }) => Key === key)
    versionIds.push(...found.map(({ VersionId }) => VersionId))
    markers = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker } : undefined
  }
  for (const VersionId of versionIds) await s3.send(new DeleteObjectCommand({ Bucket: name, Key: key, VersionId }))
  return versionIds.length
}
