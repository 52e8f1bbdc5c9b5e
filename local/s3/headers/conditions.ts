import { notImplemented, S3Error } from '../errors.ts'
import type { S3Request } from '../http/request.ts'
import type { Store } from '../store/store.ts'
import type { Version } from '../store/types.ts'
import { findVersion } from '../store/versions.ts'

/**
 * Checks the conditions of a read, or with a prefix such as `x-amz-copy-source-` those of a copy. Throws NotModified or
 * PreconditionFailed.
 */
export function checkReadConditions(request: S3Request, version: Version, prefix = ''): void {
  const given = (name: string) => request.headers[prefix + name]
  const seconds = Math.floor(version.lastModified / 1000)
  const [ifMatch, ifNoneMatch] = [given('if-match'), given('if-none-match')]
  const [since, unmodifiedSince] = [dateSeconds(given('if-modified-since')), dateSeconds(given('if-unmodified-since'))]

  // RFC 9110, 13.2.2: an entity tag takes precedence over a date.
  if (ifMatch !== undefined ? !matches(ifMatch, version) : unmodifiedSince !== undefined && seconds > unmodifiedSince) {
    throw failed(ifMatch !== undefined ? 'If-Match' : 'If-Unmodified-Since')
  }
  if (ifNoneMatch !== undefined ? matches(ifNoneMatch, version) : since !== undefined && seconds <= since) {
    if (prefix !== '') throw failed(ifNoneMatch !== undefined ? 'If-None-Match' : 'If-Modified-Since')
    throw new S3Error('NotModified', {
      headers: { ETag: `"${version.etag}"`, 'Last-Modified': new Date(version.lastModified).toUTCString() },
    })
  }
}

/** A write with `If-Match` or `If-None-Match: *`. Checked at the start, and again inside the transaction of the write. */
export type ConditionalWrite = Disposable & { check(): void }

/**
 * Starts a conditional write. NotImplemented for other values, as in S3. PreconditionFailed if the condition does not hold, NoSuchKey for `If-Match` without an object,
 * ConditionalRequestConflict if the key was deleted while the body arrived.
 */
export function startConditionalWrite(store: Store, request: S3Request, bucket: string, key: string): ConditionalWrite {
  const ifMatch = request.headers['if-match']
  const ifNoneMatch = request.headers['if-none-match']
  if (ifNoneMatch !== undefined && ifMatch !== undefined) throw notImplemented('If-Match,If-None-Match')
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') throw notImplemented('If-None-Match')
  if (ifMatch === '*') throw notImplemented('If-Match')
  if (ifMatch === undefined && ifNoneMatch === undefined) return { check() {}, [Symbol.dispose]() {} }

  const write = { bucket, key, isDisturbed: false }
  const check = () => {
    const latest = findVersion(store, bucket, key)
    const current = latest?.isDeleteMarker ? undefined : latest
    if (ifNoneMatch !== undefined && current) throw failed('If-None-Match')
    if (write.isDisturbed) throw new S3Error('ConditionalRequestConflict', { details: { Key: key } })
    if (ifMatch === undefined) return
    if (!current) throw new S3Error('NoSuchKey', { details: { Key: key } })
    if (!matches(ifMatch, current)) throw failed('If-Match')
  }
  check()
  store.conditionalWrites.add(write)
  return { check, [Symbol.dispose]: () => void store.conditionalWrites.delete(write) }
}

/** Whether an `If-Match` list (quoted or not, or `*`) names the version's ETag. */
export function matches(condition: string, version: Version): boolean {
  const tags = condition.split(',').map(tag => tag.trim().replace(/^(W\/)?"(.*)"$/, '$2'))
  return tags.includes('*') || tags.includes(version.etag)
}

function failed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', { details: { Condition: condition } })
}

function dateSeconds(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '')
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000)
}
