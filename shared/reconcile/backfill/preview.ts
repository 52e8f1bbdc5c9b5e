import type { S3Client } from '@aws-sdk/client-s3'
import type { BackfillPreview } from '../../catalog/run-results.ts'
import type { Sql } from '../../database/connection.ts'
import { toStoredKey } from '../../database/stored-text.ts'
import { REQUEST_RATE } from '../../limits.ts'
import { type Pacing, pacedClient } from '../../s3/paced-client.ts'
import { fetchVersionPage, type VersionMarker } from '../../s3/version-pages.ts'
import { estimateKeyShare } from './key-share.ts'

/**
 * USD per request: LIST, and GET with all others (HEAD, tagging). Prices of S3 Standard in us-east-1 as commonly quoted: check them at
 * aws.amazon.com/s3/pricing. Other classes and regions cost more.
 */
const PRICES = { list: 0.005 / 1000, get: 0.0004 / 1000 }

/** What to preview; `seconds` is computed for a backfill at `requestsPerSecond`. */
export type PreviewOptions = Pick<Pacing, 'clock' | 'random'> & {
  bucket: string
  prefix?: string
  requestsPerSecond?: number
  maxPages?: number
  /** Called for each request. */
  onRequest?: () => void
  /** Called after each page with the versions so far. */
  onPage?: (counted: { versions: number }) => Promise<unknown>
  /** Called after each page; true ends the listing, and the rest is extrapolated. */
  shouldStop?: () => boolean
}

/**
 * Estimates a backfill before it starts. Lists up to `maxPages` (1,000) pages of a thousand versions; a larger bucket is extrapolated from
 * the share of its key range that those pages covered: good for evenly spread names, a rough guess for others.
 */
export async function previewBackfill(s3: S3Client, sql: Sql, options: PreviewOptions): Promise<BackfillPreview> {
  const { bucket, prefix = '', requestsPerSecond = REQUEST_RATE.default, onRequest = () => undefined, clock, random } = options
  const paced = pacedClient(s3, { requestsPerSecond, onRequest, clock, random })
  const counted = await countPages(paced, { ...options, prefix })
  const share = counted.isAll ? 1 : await estimateKeyShare(paced, { bucket, prefix, first: counted.first, last: counted.last })
  const versions = Math.round(counted.versions / share)
  const deleteMarkers = Math.round(counted.deleteMarkers / share)
  const [row] = await sql<{ cataloged: number }[]>`
    select count(*) as cataloged
    from catalog.storage_versions
    where bucket = ${bucket} and starts_with(key, ${toStoredKey(prefix)}) and storage_backend = 's3'
  `
  const cataloged = row?.cataloged ?? 0
  // The listing says all there is to know of a delete marker. Which of them the catalog has does not matter for an estimate.
  const open = Math.round(Math.max(0, versions + deleteMarkers - cataloged) * (versions / Math.max(1, versions + deleteMarkers)))
  const list = Math.max(1, Math.ceil((versions + deleteMarkers) / 1000))
  const requests = { list, head: open, tagging: open, total: list + 2 * open }
  const costUsd = list * PRICES.list + 2 * open * PRICES.get
  return {
    ...{ bucket, prefix, isExact: counted.isAll, versions, deleteMarkers, cataloged },
    ...{ requests, costUsd, seconds: Math.ceil(requests.total / requestsPerSecond) },
  }
}

type Counted = { versions: number; deleteMarkers: number; first: string; last: string; isAll: boolean }

async function countPages(
  s3: S3Client,
  { bucket, prefix = '', maxPages = 1000, onPage, shouldStop }: PreviewOptions,
): Promise<Counted> {
  const counted: Counted = { versions: 0, deleteMarkers: 0, first: '', last: '', isAll: false }
  let after: VersionMarker | undefined
  for (let n = 0; n < maxPages; n++) {
    const { entries, next } = await fetchVersionPage(s3, { bucket, prefix, after })
    const markers = entries.filter(({ isDeleteMarker }) => isDeleteMarker).length
    if (n === 0) counted.first = entries[0]?.key ?? ''
    counted.last = entries.at(-1)?.key ?? counted.last
    counted.versions += entries.length - markers
    counted.deleteMarkers += markers
    await onPage?.({ versions: counted.versions + counted.deleteMarkers })
    if (!next) return { ...counted, isAll: true }
    if (shouldStop?.()) return counted
    after = next
  }
  return counted
}
