import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { lookup } from 'mime-types'
import type { Bucket } from '../connect/bucket.ts'
import { partSize } from './compare.ts'
import type { LocalFile } from './walk.ts'

/** Puts a file into the bucket, a large one in parts; answers the bytes that were put. When it is aborted or fails, nothing of it stays. */
export async function sendFile(bucket: Bucket, file: LocalFile, abort: AbortSignal): Promise<number> {
  return file.size > partSize(file.size) ? sendLarge(bucket, file, abort) : sendSmall(bucket, file, abort)
}

/** By the file's extension; the charset of a text is nothing that a name tells. */
function contentTypeOf(key: string): string {
  return lookup(key) || 'application/octet-stream'
}

async function sendSmall({ s3, name }: Bucket, { key, path }: LocalFile, abortSignal: AbortSignal): Promise<number> {
  const body = await readFile(path)
  const put = new PutObjectCommand({ Bucket: name, Key: key, Body: body, ContentType: contentTypeOf(key) })
  await s3.send(put, { abortSignal })
  return body.length
}

/** Parts of a large file under way at once. */
const PART_CONCURRENCY = 4

/** Not by Upload.abort: it answers before the parts are taken back. A stream that breaks off makes it wait for that. */
async function sendLarge({ s3, name }: Bucket, { key, path, size }: LocalFile, signal: AbortSignal): Promise<number> {
  const body = createReadStream(path, { signal, end: size - 1, highWaterMark: 1024 ** 2 })
  const params = { Bucket: name, Key: key, Body: body, ContentType: contentTypeOf(key), ContentLength: size }
  await new Upload({ client: s3, params, partSize: partSize(size), queueSize: PART_CONCURRENCY }).done()
  if (body.bytesRead !== size) throw new Error('it changed while it was read')
  return size
}
