import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import type { Bucket } from '../connect/bucket.ts'
import { partSize } from '../objects/etag.ts'
import { contentTypeOf } from './content-type.ts'
import type { LocalFile } from './walk.ts'

/** Uploads a file, a large one in parts, and returns its bytes. When it is aborted or fails, no part of it is left in the bucket. */
export async function sendFile(bucket: Bucket, file: LocalFile, abort: AbortSignal): Promise<number> {
  return file.size > partSize(file.size) ? sendLarge(bucket, file, abort) : sendSmall(bucket, file, abort)
}

async function sendSmall({ s3, name }: Bucket, file: LocalFile, abortSignal: AbortSignal): Promise<number> {
  const body = await readFile(file.path)
  const put = new PutObjectCommand({ Bucket: name, Key: file.key, Body: body, ContentType: await contentTypeOf(file) })
  await s3.send(put, { abortSignal })
  return body.length
}

/** Parts of a large file in flight. They are in memory. */
const PART_CONCURRENCY = 8

/** Aborts through the stream, not by Upload.abort(), which returns before the parts are deleted. */
async function sendLarge({ s3, name }: Bucket, file: LocalFile, signal: AbortSignal): Promise<number> {
  const { key, path, size } = file
  const ContentType = await contentTypeOf(file)
  const body = createReadStream(path, { signal, end: size - 1, highWaterMark: 1024 ** 2 })
  const params = { Bucket: name, Key: key, Body: body, ContentType, ContentLength: size }
  await new Upload({ client: s3, params, partSize: partSize(size), queueSize: PART_CONCURRENCY }).done()
  if (body.bytesRead !== size) throw new Error('it changed during the upload')
  return size
}
