import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import type { Observation } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { toStoredKey } from '../database/stored-text.ts'
import { observeVersion } from '../observe/observe-version.ts'
import type { Difference } from './drift.ts'
import type { KeyPair } from './pairs.ts'
import { LOOKS_AT_ONCE } from './repair.ts'

/** A version that is equal as far as the listing tells. */
export type Sampled = { pair: KeyPair; versionId: string }

/** Chooses a share (0 to 1) of the versions of a key in which no difference was found; delete markers have no metadata. */
export function pickSample(pair: KeyPair, differences: Difference[], rate: number): Sampled[] {
  const differing = new Set(differences.map(({ versionId }) => versionId))
  const equal = (pair.listed?.versions ?? []).filter(v => !v.isDeleteMarker && !differing.has(v.versionId))
  return equal.filter(() => Math.random() < rate).map(({ versionId }) => ({ pair, versionId }))
}

/** Asks S3 about the sampled versions; answers those whose content type, metadata or tags the catalog has otherwise. */
export async function differingSamples(sql: Sql, s3: S3Client, bucket: string, sampled: Sampled[]): Promise<Sampled[]> {
  const ask = ({ pair, versionId }: Sampled) => observeVersion(s3, bucket, pair, versionId)
  const observed = await pMap(sampled, ask, { concurrency: LOOKS_AT_ONCE })
  return (await differsInDetails(sql, observed)).map(n => sampled[n]!)
}

/** Places of those observed versions whose details the catalog has otherwise. What is gone since has no details. */
async function differsInDetails(sql: Sql, observed: Observation[]): Promise<number[]> {
  if (observed.length === 0) return []
  const told = observed.map(({ bucket, key, versionId, state, contentType, metadata, tags }) => {
    return { bucket, key: toStoredKey(key), version_id: versionId, state, content_type: contentType, metadata, tags }
  })
  const rows = await sql<{ n: number }[]>`
    select o.n
    from jsonb_array_elements(${sql.json(told as never)}) with ordinality as o (told, n)
    join storage_versions v
      on v.bucket = o.told ->> 'bucket' and v.key = o.told ->> 'key' and v.version_id = o.told ->> 'version_id'
    where o.told ->> 'state' = 'present'
      and (
        v.content_type is distinct from o.told ->> 'content_type'
        or v.metadata <> coalesce(o.told -> 'metadata', '{}')
        or v.tags <> coalesce(o.told -> 'tags', '{}')
      )
    order by o.n
  `
  return rows.map(({ n }) => n - 1)
}
