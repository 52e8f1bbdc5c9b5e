import type { RunKind } from '../names.ts'

/** What the runs of each kind compute; null while there is nothing yet, and for the kinds that only have findings. */
export type RunResult<Kind extends RunKind = RunKind> = {
  digest: DigestResult | null
  preview: BackfillPreview | null
  reconcile: null
  inventory: null
}[Kind]

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
