import { parseArgs } from 'node:util'
import type { Sql } from '../shared/database/connection.ts'
import { searchObjects } from '../shared/search/search.ts'
import { startBenchDatabase } from './support/database.ts'
import { corpus } from './support/search-corpus.ts'
import { percentiles, round, timed } from './support/timing.ts'

/** From a word in every fourth key to one in a few. */
const SEARCHES = [
  'pdf',
  'invoice',
  'arbear',
  'invoice 2019',
  'controller java',
  'arbebe',
  'inv*',
  '"access log"',
  '-pdf',
  'tratrasta',
  'invoice tratra*',
]

const { values } = parseArgs({
  options: { objects: { type: 'string', default: '50000' }, runs: { type: 'string', default: '20' } },
})
await measure(Number(values.objects), Number(values.runs))

/** Prints the time of splitting a key, the cost of each part of the search for writes, and searches compared with ranking every match. */
async function measure(objects: number, runs: number): Promise<void> {
  await using database = await startBenchDatabase({ max: 1, settings: { shared_buffers: '2GB', max_wal_size: '8GB' } })
  const { sql } = database
  await loadCorpus(sql, objects)
  console.table(await measureTokenizing(sql))
  console.table(await measureWrites(sql))
  await loadCatalog(sql)
  console.table(await measureSearches(sql, runs))
}

async function loadCorpus(sql: Sql, objects: number) {
  await sql`create table corpus (n bigint primary key, key text collate "C", content_type text, metadata jsonb)`
  let batch: unknown[] = []
  let n = 0
  const flush = async () => {
    await sql`insert into corpus select * from jsonb_to_recordset(${sql.json(batch as never)}) as c (n bigint, key text, content_type text, metadata jsonb)`
    batch = []
  }
  for (const { key, contentType, metadata } of corpus(objects)) {
    batch.push({ n: n++, key, content_type: contentType, metadata })
    if (batch.length === 5000) await flush()
  }
  await flush()
  await sql`analyze corpus`
}

/** Microseconds per key: the stock parser on the path as it is, the words alone, and the whole vector. */
async function measureTokenizing(sql: Sql) {
  const parts = {
    'to_tsvector(key)': sql`to_tsvector('simple', key)`,
    'split_words(key)': sql`catalog.split_words(key)`,
    'weighted_lexemes(key)': sql`catalog.weighted_lexemes(key, 'A')`,
    search_vector: sql`catalog.search_vector(key, content_type, metadata, '{}')`,
  }
  const rows: Record<string, { 'µs per key': number }> = {}
  for (const [name, part] of Object.entries(parts)) {
    const { result: count, ms } = await timed(
      () => sql`select count(${part}) as n from (select * from corpus where n < 50000 offset 0) as c`,
    )
    rows[name] = { 'µs per key': round((ms * 1000) / Number(count[0]?.n)) }
  }
  return rows
}

/** Microseconds per new row in batches of 1,000, one part added after the other. */
async function measureWrites(sql: Sql) {
  const bare = `create table bare (id bigint generated always as identity primary key, key text collate "C" unique, content_type text, metadata jsonb, tags jsonb default '{}', search_vector tsvector)`
  const trigger = 'create trigger vector before insert on bare for each row execute function catalog.set_search_vector()'
  const variants = {
    'key alone': [],
    '+ vector': [trigger],
    '+ gin (search_vector)': [trigger, 'create index on bare using gin (search_vector) with (gin_pending_list_limit = 256)'],
    '+ gin (id >> 13, search_vector)': [
      trigger,
      'create index on bare using gin ((id >> 13), search_vector) with (gin_pending_list_limit = 256)',
    ],
  }
  const rows: Record<string, { 'µs per row': number; 'index MB': number }> = {}
  for (const [name, statements] of Object.entries(variants)) {
    for (const statement of [bare, ...statements]) await sql.unsafe(statement)
    const [total] = await sql<{ n: number }[]>`select least(count(*), 200000) as n from corpus`
    const { ms } = await timed(async () => {
      for (let n = 0; n < total!.n; n += 1000) {
        await sql`insert into bare (key, content_type, metadata) select key, content_type, metadata from corpus where n >= ${n} and n < ${n + 1000} order by key`
      }
    })
    const [size] = await sql<{ bytes: number }[]>`select pg_indexes_size('bare') as bytes`
    rows[name] = { 'µs per row': round((ms * 1000) / total!.n), 'index MB': round(size!.bytes / 2 ** 20) }
    await sql`drop table bare`
  }
  return rows
}

/** Fills storage_objects without versions, which searches do not read; the triggers that check and count are disabled. */
async function loadCatalog(sql: Sql) {
  await sql`alter table catalog.storage_objects disable trigger check_objects_insert`
  await sql`alter table catalog.storage_objects disable trigger count_objects_insert`
  await sql`
    insert into catalog.storage_objects (bucket, key, size, content_type, last_modified, metadata)
    select 'bench', key, n, content_type, timestamptz '2024-01-01Z' + n * interval '1 second', metadata
    from corpus
    order by n
  `
  await sql`vacuum analyze catalog.storage_objects`
}

/** Milliseconds of the first page of 50: searchObjects compared with ts_rank over all matches, and the quality of its ranking. */
async function measureSearches(sql: Sql, runs: number) {
  const rows: Record<string, object> = {}
  for (const query of SEARCHES) {
    const page = await searchObjects(sql, { query })
    const ours = await percentiles(runs, () => searchObjects(sql, { query }))
    const { result: exact, ms: first } = await timed(() => rankAllMatches(sql, query))
    const naive = first > 500 ? { p50: round(first) } : await percentiles(runs, () => rankAllMatches(sql, query))
    const [matches] = await sql<
      { n: number }[]
    >`select count(*) as n from catalog.storage_objects where search_vector @@ websearch_to_tsquery('simple', ${query})`
    const sum = (items: readonly { rank: number }[]) => items.reduce((total, { rank }) => total + rank, 0)
    rows[query] = {
      matches: query.includes('*') ? '' : matches?.n,
      'p50 ms': ours.p50,
      'p99 ms': ours.p99,
      'naive p50 ms': naive.p50,
      'times faster': round(naive.p50 / ours.p50),
      'rank quality': round(sum(page.items) / sum(exact)),
    }
  }
  return rows
}

function rankAllMatches(sql: Sql, query: string) {
  const stock = query.includes('*')
    ? sql`to_tsquery('simple', ${query.replaceAll('*', ':*').replaceAll(' ', ' & ')})`
    : sql`websearch_to_tsquery('simple', ${query})`
  return sql<{ rank: number }[]>`
    select o.*, ts_rank(o.search_vector, q) as rank
    from catalog.storage_objects o, ${stock} as q
    where o.search_vector @@ q
    order by rank desc, o.last_modified desc
    limit 50
  `
}
