import type { RunKind } from '../names.ts'

/** What the runs of each kind compute; null while there is nothing yet. */
export type RunResult<Kind extends RunKind = RunKind> = {
  digest: DigestResult | null
  preview: BackfillPreview | null
  reconcile: UnsettledKeys | null
  inventory: UnsettledKeys | null
}[Kind]

/** The last keys (20 at most) that a run could not settle; the findings have their number. */
export type UnsettledKeys = { unsettled: UnsettledKey[] }

/** A key that was left as it is, and why. */
export type UnsettledKey = { key: string; reason: string }

/** The digests of both sides, up to the checkpoint of their run. They are equal when the catalog holds what the bucket does. */
export type DigestResult = { bucket: Digest; catalog: Digest }

/**
 * The number of versions and delete markers, and one hash (64 hexadecimal digits) of all of them, independent of their order: of key, version
 * id, latest, delete marker, size and entity tag of each version.
 */
export type Digest = { count: number; hash: string }

/** What a backfill costs: versions and delete markers in the bucket, requests by kind, USD at PRICES, seconds at the given rate. */
export type BackfillPreview = {
  bucket: string
  prefix: string
  /** Whether the bucket was listed to its end; otherwise the counts are estimates. */
  isExact: boolean
  versions: number
  deleteMarkers: number
  /** Versions that the catalog has already: they are compared, not fetched. */
  cataloged: number
  requests: { list: number; head: number; tagging: number; total: number }
  costUsd: number
  seconds: number
}
