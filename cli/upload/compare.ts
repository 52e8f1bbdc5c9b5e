import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import { keyReader } from '../../shared/s3/listed-keys.ts'
import type { Bucket } from '../connect/bucket.ts'
import { compareWithEtag } from '../objects/etag.ts'
import type { LocalFile, WalkEntry } from './walk.ts'

/** An object as ListObjectsV2 returns it. */
export type ListedObject = { key: string; size: number; etag: string }

/** An entry of a walk, each file with the object that the bucket has under its key, if any. */
export type ComparedEntry = Exclude<WalkEntry, { file: LocalFile }> | { file: LocalFile; listed?: ListedObject }

/** Merge join of a walk and a listing, both in the order of the keys' bytes; only a page of each is in memory. */
export async function* joinWithListing(
  entries: AsyncIterable<WalkEntry>,
  listing: AsyncIterable<ListedObject>,
): AsyncGenerator<ComparedEntry> {
  const listed = listing[Symbol.asyncIterator]()
  let next = await listed.next()
  for await (const entry of entries) {
    if ('skipped' in entry) {
      yield entry
      continue
    }
    const key = Buffer.from(entry.file.key)
    while (!next.done && Buffer.compare(Buffer.from(next.value.key), key) < 0) next = await listed.next()
    yield !next.done && next.value.key === entry.file.key ? { file: entry.file, listed: next.value } : entry
  }
}

/** The objects of a bucket with a prefix, in the order of their keys' bytes. */
export async function* listBucket({ s3, name }: Bucket, prefix: string, abortSignal?: AbortSignal): AsyncGenerator<ListedObject> {
  let ContinuationToken: string | undefined
  do {
    // URL encoding, because XML can't hold every character of a key.
    const command = new ListObjectsV2Command({ Bucket: name, Prefix: prefix, EncodingType: 'url', ContinuationToken })
    const page: ListObjectsV2CommandOutput = await s3.send(command, { abortSignal })
    const readKey = keyReader(page)
    for (const { Key = '', Size = 0, ETag = '' } of page.Contents ?? []) {
      yield { key: readKey(Key), size: Size, etag: ETag.replaceAll('"', '') }
    }
    if (page.NextContinuationToken !== undefined && page.NextContinuationToken === ContinuationToken)
      throw new Error(`The listing of ${name} does not advance: it continues at ${ContinuationToken} again`)
    ContinuationToken = page.NextContinuationToken
  } while (ContinuationToken !== undefined)
}

/** Whether the bucket is known to have the same content: by size, then by ETag. */
export async function hasSameContent({ path, size }: LocalFile, listed: ListedObject): Promise<boolean> {
  return size === listed.size && (await compareWithEtag(path, size, listed.etag)) === 'same'
}
