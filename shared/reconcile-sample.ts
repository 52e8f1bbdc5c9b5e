import type { Sql } from './connection.ts'
import type { Observation } from './observations.ts'
import { toStoredKey } from './stored-text.ts'

/** Those of the observed versions whose content type, metadata or tags the catalog has otherwise. */
export async function differsInDetails(sql: Sql, observed: Observation[]): Promise<Observation[]> {
  if (observed.length === 0) return []
  const told = observed.map(({ bucket, key, versionId, contentType, metadata, tags }) => {
    return { bucket, key: toStoredKey(key), version_id: versionId, content_type: contentType, metadata, tags }
  })
  const rows = await sql<{ n: number }[]>`
    select o.n
    from jsonb_array_elements(${sql.json(told as never)}) with ordinality as o (told, n)
    join storage_versions v
      on v.bucket = o.told ->> 'bucket' and v.key = o.told ->> 'key' and v.version_id = o.told ->> 'version_id'
    where v.content_type is distinct from o.told ->> 'content_type'
      or v.metadata <> coalesce(o.told -> 'metadata', '{}')
      or v.tags <> coalesce(o.told -> 'tags', '{}')
    order by o.n
  `
  return rows.map(({ n }) => observed[n - 1]!)
}
