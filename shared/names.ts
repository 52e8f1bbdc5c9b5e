/** Names one key of a bucket. */
export type KeyName = { bucket: string; key: string }

/** Names one version of one key. */
export type VersionName = KeyName & { versionId: string }

/** One string for a bucket and a key. Bucket names of other backends may hold slashes, but never U+0000, so no two pairs collide. */
export function keyId({ bucket, key }: KeyName): string {
  return `${bucket}\0${key}`
}

/** What an action of the audit trail looks like. The table has the same check. */
export const AUDIT_ACTION = /^[A-Z][A-Z_]{0,63}$/

/** What the name of a storage backend looks like. The tables have the same check. */
export const BACKEND_NAME = /^[a-z0-9_-]{1,64}$/

/** The address of the manifest.json of an S3 Inventory report: its bucket and its key. */
export const MANIFEST_URL = /^s3:\/\/([^/]+)\/(.+)$/

/** How the catalog can differ from the bucket in one version. The table has the same list. */
export const DRIFT_KINDS = ['missing', 'orphaned', 'stale', 'wrongLatest', 'wrongMetadata'] as const

/** One way in which the catalog can differ from the bucket. */
export type DriftKind = (typeof DRIFT_KINDS)[number]

/** The kinds of runs of the reconciler. The table has the same list. */
export const RUN_KINDS = ['reconcile', 'digest', 'preview', 'inventory'] as const

/** `reconcile` compares and repairs, `digest` hashes both sides, `preview` estimates a backfill, `inventory` backfills from an S3 Inventory report. */
export type RunKind = (typeof RUN_KINDS)[number]

/** The sources of audit entries. The table has the same list. */
export const AUDIT_SOURCES = ['event', 'api', 'posted'] as const

/** Who reports an audit entry: S3, the API about a request that it carried out, or a caller of POST /audit. */
export type AuditSource = (typeof AUDIT_SOURCES)[number]

/**
 * Whether a bucket of S3 may have this name. Source: S3 user guide, "General purpose bucket naming rules"; the names of other kinds of buckets
 * and of access points, which it reserves, are refused as well.
 */
export function isS3BucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes('..') &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !/^(xn--|sthree-|amzn-s3-demo-)/.test(name) &&
    !/(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name)
  )
}

/** What the name of a container of another backend looks like: no control characters, no slashes (`bucket/key` is unambiguous), no spaces at its ends. */
export const CONTAINER_NAME = /^(?![\s\p{Z}])[^\p{C}\p{Zl}\p{Zp}/\\]+(?<![\s\p{Z}])$/u
