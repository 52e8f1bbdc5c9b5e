import { applyObservations } from '../../shared/catalog/observations.ts'
import { connect, type Sql } from '../../shared/database/connection.ts'
import { migrate } from '../../shared/database/migrate.ts'
import { MIGRATIONS } from './database.ts'
import type { BenchRecord } from './records.ts'
import { median, round, timed } from './timing.ts'

/** Statements that remove a component, so that the difference shows its cost. */
const REMOVED = {
  searchIndex: `
    do $$
    declare
      found text;
    begin
      for found in select indexname from pg_indexes where schemaname = 'catalog' and tablename = 'storage_objects' and indexdef like '%search_vector%' loop
        execute format('drop index catalog.%I', found);
      end loop;
    end
    $$;`,
  check: 'alter table catalog.storage_objects disable trigger check_objects_insert;',
  vector: 'alter table catalog.storage_objects disable trigger set_search_vector_insert;',
  counters: `
    alter table catalog.storage_objects disable trigger count_objects_insert;
    alter table catalog.storage_versions disable trigger count_versions_insert;`,
}

const { check, searchIndex, vector, counters } = REMOVED

/** The components of a write, one added after the other. */
const COMPONENTS: { name: string; without: string; write: (sql: Sql, batch: BenchRecord[]) => Promise<unknown> }[] = [
  { name: 'bare upsert of storage_objects', without: check + searchIndex + vector + counters, write: upsert },
  { name: '+ versions, latest flags, tombstones', without: searchIndex + vector + counters, write: apply },
  { name: '+ search vector', without: searchIndex + counters, write: apply },
  { name: '+ search index', without: counters, write: apply },
  { name: '+ counters', without: '', write: apply },
  { name: '+ audit trail: everything', without: '', write: (sql, batch) => apply(sql, batch, true) },
]

/** Microseconds per new record in batches of 1,000, each component in a new database of the cluster. */
export async function measureComponents(
  cluster: string,
  take: (count: number) => BenchRecord[],
  { records, rounds }: { records: number; rounds: number },
): Promise<Record<string, { 'µs per record': number; 'x bare': number }>> {
  const samples = COMPONENTS.map((): number[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [n, part] of COMPONENTS.entries()) samples[n]!.push(await measureComponent(cluster, part, take(records)))
  }
  const [bare = []] = samples
  return Object.fromEntries(
    COMPONENTS.map(({ name }, n) => {
      const times = samples[n]!.map((sample, round) => sample / bare[round]!)
      return [name, { 'µs per record': round(median(samples[n]!)), 'x bare': round(median(times)) }]
    }),
  )
}

async function measureComponent(
  cluster: string,
  { without, write }: (typeof COMPONENTS)[number],
  records: BenchRecord[],
): Promise<number> {
  const admin = connect({ url: cluster, max: 1 })
  await admin`create database part`
  const sql = connect({ url: Object.assign(new URL(cluster), { pathname: '/part' }).href, max: 1 })
  try {
    await migrate(sql, { folder: MIGRATIONS })
    await sql.unsafe(without)
    const { ms } = await timed(async () => {
      for (let n = 0; n < records.length; n += 1000) await write(sql, records.slice(n, n + 1000))
    })
    return (ms * 1000) / records.length
  } finally {
    await sql.end()
    await admin`drop database part`
    await admin.end()
  }
}

/** The minimum: the object itself. */
async function upsert(sql: Sql, batch: BenchRecord[]): Promise<void> {
  const rows = batch.map(({ observed: { bucket, key, versionId, size, etag, contentType, lastModified, metadata } }) => {
    return { bucket, key, version_id: versionId, size, etag, content_type: contentType, last_modified: lastModified, metadata }
  })
  await sql`
    insert into catalog.storage_objects (bucket, key, version_id, size, etag, content_type, last_modified, metadata)
    select o.bucket, o.key, o.version_id, o.size, o.etag, o.content_type, o.last_modified, o.metadata
    from jsonb_to_recordset(${sql.json(rows as never)}) as o (
      bucket text, key text, version_id text, size bigint, etag text, content_type text, last_modified timestamptz, metadata jsonb
    )
    order by o.key collate "C"
    on conflict (bucket, key) do update
    set version_id = excluded.version_id, size = excluded.size, etag = excluded.etag, content_type = excluded.content_type,
      last_modified = excluded.last_modified, metadata = excluded.metadata
  `
}

async function apply(sql: Sql, batch: BenchRecord[], isAudited = false): Promise<void> {
  const observed = batch.map(record => record.observed)
  await applyObservations(sql, null, { observed, audited: isAudited ? batch.map(record => record.audited) : [] })
}
