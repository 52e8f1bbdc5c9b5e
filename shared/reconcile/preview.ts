import { ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3'
import type { Sql } from '../database/connection.ts'
import { toStoredKey } from '../database/stored-text.ts'
import { decodeListedKey } from '../s3/head-version.ts'
import { compareKeys } from '../s3/list-versions.ts'
import { pacedClient } from '../s3/paced-client.ts'
import { estimateKeyShare } from './key-share.ts'

/**
 * USD for a request: LIST, and GET with all others (HEAD, tagging). List prices of S3 Standard in us-east-1 as commonly quoted, not read off
 * AWS's page: check them at aws.amazon.com/s3/pricing. Other classes and regions cost more.
 */
const PRICES = { list: 0.005 / 1000, get: 0.0004 / 1000 }

/** What a backfill will take: versions and delete markers to come, requests by kind, USD at PRICES, seconds at the given rate. */
export type BackfillPreview = {
  bucket: string
  prefix: string
  /** Whether the bucket was listed to its end, or only looked at in places. */
  isExact: boolean
  versions: number
  deleteMarkers: number
  /** Of that bucket and prefix in the catalog already: they are compared, not asked for. */
  cataloged: number
  requests: { list: number; head: number; tagging: number; total: number }
  costUsd: number
  seconds: number
}

/** How to preview; the time is that of a backfill at `requestsPerSecond`. */
export type PreviewOptions = { bucket: string; prefix?: string; requestsPerSecond?: number; mostPages?: number }

/**
 * Tells what a backfill takes before it starts. Lists up to `mostPages` (1,000) pages of a thousand versions; a larger bucket is
 * estimated from how much of the range of its keys those pages covered: good for evenly spread names, a guess for others.
 */
export async function previewBackfill(s3: S3Client, sql: Sql, options: PreviewOptions): Promise<BackfillPreview> {
  const { bucket, prefix = '', requestsPerSecond = 500, mostPages = 1000 } = options
  const paced = pacedClient(s3, { requestsPerSecond, onRequest: () => undefined })
  const seen = await countPages(paced, bucket, prefix, mostPages)
  const share = seen.isAll ? 1 : await estimateKeyShare(paced, { bucket, prefix, first: seen.first, last: seen.last })
  const versions = Math.round(seen.versions / share)
  const deleteMarkers = Math.round(seen.deleteMarkers / share)
  const [row] = await sql<{ cataloged: number }[]>`
    select count(*) as cataloged
    from storage_versions
    where bucket = ${bucket} and starts_with(key, ${toStoredKey(prefix)}) and storage_backend = 's3'
  `
  const cataloged = row?.cataloged ?? 0
  const open = Math.max(0, versions + deleteMarkers - cataloged)
  const list = Math.max(1, Math.ceil((versions + deleteMarkers) / 1000))
  const requests = { list, head: open, tagging: open, total: list + 2 * open }
  const costUsd = list * PRICES.list + 2 * open * PRICES.get
  return {
    ...{ bucket, prefix, isExact: seen.isAll, versions, deleteMarkers, cataloged },
    ...{ requests, costUsd, seconds: Math.ceil(requests.total / requestsPerSecond) },
  }
}

type Seen = { versions: number; deleteMarkers: number; first: string; last: string; isAll: boolean }

async function countPages(s3: S3Client, bucket: string, prefix: string, mostPages: number): Promise<Seen> {
  const seen: Seen = { versions: 0, deleteMarkers: 0, first: '', last: '', isAll: false }
  let marker: { KeyMarker?: string; VersionIdMarker?: string } = {}
  for (let n = 0; n < mostPages; n++) {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, EncodingType: 'url', ...marker }))
    const keys = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]
      .map(({ Key = '' }) => decodeListedKey(Key))
      .sort(compareKeys)
    if (n === 0) seen.first = keys[0] ?? ''
    seen.last = keys.at(-1) ?? seen.last
    seen.versions += page.Versions?.length ?? 0
    seen.deleteMarkers += page.DeleteMarkers?.length ?? 0
    if (!page.IsTruncated) return { ...seen, isAll: true }
    marker = { KeyMarker: decodeListedKey(page.NextKeyMarker ?? ''), VersionIdMarker: page.NextVersionIdMarker }
  }
  return seen
}
