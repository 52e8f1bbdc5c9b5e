import type { Client, Sql } from '../../shared/database/connection.ts'
import type { BenchRecord } from './records.ts'

/** The tables of a first draft: a generated search vector, a btree on the sort column, a row per record. */
export async function createNaiveTables(sql: Sql): Promise<void> {
  const statements = [
    `create table naive_objects (
      id serial primary key, bucket text, key text, version_id text, size bigint, content_type text, etag text, last_modified timestamptz,
      metadata jsonb, unique (bucket, key),
      search_vector tsvector generated always as (
        setweight(to_tsvector('english', key), 'A') || setweight(to_tsvector('english', coalesce(content_type, '')), 'B')
        || setweight(to_tsvector('english', metadata), 'C')
      ) stored
    )`,
    'create index on naive_objects (last_modified desc)',
    'create index on naive_objects using gin (search_vector)',
    'create index on naive_objects using gin (metadata)',
    `create table naive_versions (
      id serial primary key, bucket text, key text, version_id text, size bigint, etag text, last_modified timestamptz, is_latest boolean,
      unique (bucket, key, version_id)
    )`,
    `create table naive_audit (
      id bigserial primary key, at timestamptz default now(), user_id text, action text, bucket text, key text, version_id text, ip text
    )`,
    'create index on naive_audit (bucket, key, at)',
    'create index on naive_audit (user_id, at)',
  ]
  for (const statement of statements) await sql.unsafe(statement)
}

/** Copies the rows of the catalog into them. */
export async function fillNaiveTables(sql: Sql): Promise<void> {
  await sql`
    insert into naive_objects (bucket, key, version_id, size, content_type, etag, last_modified, metadata)
    select bucket, key, version_id, size, content_type, etag, last_modified, metadata from catalog.storage_objects
  `
  await sql`
    insert into naive_versions (bucket, key, version_id, size, etag, last_modified, is_latest)
    select bucket, key, version_id, size, etag, last_modified, is_latest from catalog.storage_versions
  `
  await sql`
    insert into naive_audit (at, user_id, action, bucket, key, version_id, ip)
    select occurred_at, user_id, action, bucket, key, version_id, ip_address from catalog.storage_audit
  `
}

/** One record at a time, with a transaction for each of its three writes, as separate data access functions would do. */
export async function indexInTransactions(sql: Client, records: BenchRecord[]): Promise<void> {
  for (const record of records) {
    await sql.begin(transaction => upsertObject(transaction, record))
    await sql.begin(async transaction => {
      await clearLatest(transaction, record)
      await insertVersion(transaction, record)
    })
    await sql.begin(transaction => insertAudit(transaction, record))
  }
}

/** The same without transactions: the fastest of this kind, and not consistent after a crash. */
export async function indexInStatements(sql: Client, records: BenchRecord[]): Promise<void> {
  for (const record of records) {
    await upsertObject(sql, record)
    await insertVersion(sql, record)
    await insertAudit(sql, record)
  }
}

async function upsertObject(sql: Sql, { observed: o }: BenchRecord): Promise<void> {
  await sql`
    insert into naive_objects (bucket, key, version_id, size, content_type, etag, last_modified, metadata)
    values (${o.bucket}, ${o.key}, ${o.versionId}, ${o.size}, ${o.contentType}, ${o.etag}, ${o.lastModified}, ${sql.json(o.metadata)})
    on conflict (bucket, key) do update
    set version_id = excluded.version_id, size = excluded.size, content_type = excluded.content_type, etag = excluded.etag,
      last_modified = excluded.last_modified, metadata = excluded.metadata
  `
}

async function clearLatest(sql: Sql, { observed: o }: BenchRecord): Promise<void> {
  await sql`update naive_versions set is_latest = false where bucket = ${o.bucket} and key = ${o.key} and is_latest`
}

async function insertVersion(sql: Sql, { observed: o }: BenchRecord): Promise<void> {
  await sql`
    insert into naive_versions (bucket, key, version_id, size, etag, last_modified, is_latest)
    values (${o.bucket}, ${o.key}, ${o.versionId}, ${o.size}, ${o.etag}, ${o.lastModified}, true)
    on conflict (bucket, key, version_id) do nothing
  `
}

async function insertAudit(sql: Sql, { audited: a }: BenchRecord): Promise<void> {
  await sql`
    insert into naive_audit (user_id, action, bucket, key, version_id, ip)
    values (${a.userId}, ${a.action}, ${a.bucket}, ${a.key}, ${a.versionId}, ${a.ipAddress})
  `
}
