import { createHash, hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import { keyReader } from '../../shared/s3/listed-keys.ts'
import type { Bucket } from '../connect/bucket.ts'
import type { LocalFile, WalkEntry } from './walk.ts'

/** The part size for a file, in bytes. A file of at most one part is uploaded in one request. */
export function partSize(size: number): number {
  // S3 allows 10,000 parts. Whole MiB, so that a later run computes the same ETag.
  return Math.max(8, Math.ceil(size / 10_000 / MIB)) * MIB
}

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

/** Whether the bucket has the same content: by size, then by ETag, which is the MD5 or, of a multipart upload, the MD5 of the parts' MD5s. */
export async function hasSameContent({ path, size }: LocalFile, listed: ListedObject): Promise<boolean> {
  return size === listed.size && listed.etag === (await computeEtag(path, size))
}

const MIB = 1024 ** 2

async function computeEtag(path: Buffer, size: number): Promise<string> {
  const ofPart = partSize(size)
  if (size <= ofPart) return hash('md5', await readFile(path))
  const parts: Buffer[] = []
  for (let start = 0; start < size; start += ofPart) parts.push(await computeMd5(path, start, Math.min(size, start + ofPart) - 1))
  return `${hash('md5', Buffer.concat(parts))}-${parts.length}`
}

async function computeMd5(path: Buffer, start: number, end: number): Promise<Buffer> {
  const md5 = createHash('md5')
  await pipeline(createReadStream(path, { start, end, highWaterMark: MIB }), md5)
  return md5.digest()
}
