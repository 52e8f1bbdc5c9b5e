import type { Store } from './store.ts'
import type { Bucket } from './types.ts'

/** The settings of a bucket that are kept as JSON, by name. */
export type BucketSettings = { cors: CorsRule[]; tagging: { key: string; value: string }[] }

/** A rule of a CORS configuration: which origins may send which requests, and which headers their scripts may read. */
export type CorsRule = {
  id?: string
  origins: string[]
  methods: string[]
  headers: string[]
  exposed: string[]
  maxAgeSeconds?: number
}

/** A setting, undefined if it was never set or has been deleted. */
export function readSetting<N extends keyof BucketSettings>(
  store: Store,
  bucket: Bucket,
  name: N,
): BucketSettings[N] | undefined {
  const row = store.sql.get`select value from bucket_setting where bucket = ${bucket.name} and name = ${name}`
  return row && (JSON.parse(String(row.value)) as BucketSettings[N])
}

/** Replaces a setting; undefined deletes it. */
export function writeSetting<N extends keyof BucketSettings>(
  store: Store,
  bucket: Bucket,
  name: N,
  value: BucketSettings[N] | undefined,
): void {
  store.transaction(() => {
    store.sql.run`delete from bucket_setting where bucket = ${bucket.name} and name = ${name}`
    if (value === undefined) return
    store.sql.run`insert into bucket_setting (bucket, name, value) values (${bucket.name}, ${name}, ${JSON.stringify(value)})`
  })
}
