import { invalidArgument, S3Error } from '../errors.ts'
import type { Version } from '../store/types.ts'
import { matches } from './conditions.ts'

/** What a version must be like to be deleted: its ETag, its time in whole seconds since 1970, its size in bytes. */
export type DeleteConditions = { etag?: string; seconds?: number; size?: number }

/** Reads the conditions of one deletion; undefined if there are none. InvalidArgument for a time or size that is none. */
export function readDeleteConditions(given: {
  etag: string | undefined
  lastModified: string | undefined
  size: string | undefined
}): DeleteConditions | undefined {
  const { etag, lastModified, size } = given
  if (etag === undefined && lastModified === undefined && size === undefined) return undefined
  const ms = Date.parse(lastModified ?? '')
  if (lastModified !== undefined && Number.isNaN(ms))
    throw invalidArgument('Invalid last modified time', 'x-amz-if-match-last-modified-time', lastModified)
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw invalidArgument('Invalid size', 'x-amz-if-match-size', size)
  return {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { seconds: Math.floor(ms / 1000) }),
    ...(size === undefined ? {} : { size: Number(size) }),
  }
}

/**
 * Whether there is something to delete. PreconditionFailed for a version that is not as the conditions require, also for a delete marker. Without a
 * version, a time or a size holds (API reference, DeleteObject) and nothing is deleted; an ETag is NoSuchKey.
 */
export function checkDeletion({ etag, seconds, size }: DeleteConditions, key: string, version: Version | undefined): boolean {
  if (etag !== undefined && (!version || version.isDeleteMarker)) throw new S3Error('NoSuchKey', { details: { Key: key } })
  if (!version) return false
  const failed = [
    ['If-Match', etag === undefined || matches(etag, version)],
    ['x-amz-if-match-last-modified-time', seconds === undefined || seconds === Math.floor(version.lastModified / 1000)],
    ['x-amz-if-match-size', size === undefined || size === version.size],
  ].find(([, holds]) => !holds)
  if (failed) throw new S3Error('PreconditionFailed', { details: { Condition: String(failed[0]) } })
  return true
}
