import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import type { Observation } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { toStoredKey, toStoredTextOrNull, toStoredValues } from '../database/stored-text.ts'
import { observeVersion } from '../refresh/observe-version.ts'
import { S3_CONCURRENCY } from '../s3/requests.ts'
import type { Difference } from './drift.ts'
import type { KeyPair } from './pairs.ts'

/** A version without differences, as far as the listing shows. */
export type Sampled = { pair: KeyPair; versionId: string }

/** Chooses a share (0 to 1) of the versions of a key without differences. Delete markers have no metadata. */
export function pickSample(pair: KeyPair, differences: Difference[], rate: number, random = Math.random): Sampled[] {
  const differing = new Set(differences.map(({ versionId }) => versionId))
  const equal = (pair.listed?.versions ?? []).filter(v => !v.isDeleteMarker && !differing.has(v.versionId))
  return equal.filter(() => random() < rate).map(({ versionId }) => ({ pair, versionId }))
}

/** Asks S3 about the sampled versions. Returns those whose content type, metadata or tags differ in the catalog. */
export async function differingSamples(sql: Sql, s3: S3Client, bucket: string, sampled: Sampled[]): Promise<Sampled[]> {
  const observe = ({ pair: { key, listed }, versionId }: Sampled) => {
    const version = listed?.versions.find(one => one.versionId === versionId)
    return observeVersion(s3, { bucket, key, versionId }, version)
  }
  const observed = await pMap(sampled, observe, { concurrency: S3_CONCURRENCY })
  return (await differsInDetails(sql, observed)).map(n => sampled[n]!)
}

/** Indexes of the observed versions whose details differ in the catalog. A version deleted since has no details. */
async function differsInDetails(sql: Sql, observed: Observation[]): Promise<number[]> {
  if (observed.length === 0) return []
  const details = observed.map(({ bucket, key, versionId, state, contentType, metadata, tags }) => ({
    bucket,
    key: toStoredKey(key),
    version_id: versionId,
    state,
    content_type: toStoredTextOrNull(contentType),
    metadata: metadata && toStoredValues(metadata),
    tags: tags && toStoredValues(tags),
  }))
  const rows = await sql<{ n: number }[]>`
    select o.n
    from jsonb_array_elements(${jsonParameter(sql, details)}) with ordinality as o (details, n)
    join catalog.storage_versions v
      on v.bucket = o.details ->> 'bucket' and v.key = o.details ->> 'key' and v.version_id = o.details ->> 'version_id'
    where o.details ->> 'state' = 'present'
      and (
        v.content_type is distinct from o.details ->> 'content_type'
        or v.metadata <> coalesce(o.details -> 'metadata', '{}')
        or v.tags <> coalesce(o.details -> 'tags', '{}')
      )
    order by o.n
  `
  return rows.map(({ n }) => n - 1)
}
