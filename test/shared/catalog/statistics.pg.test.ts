import { describe, expect } from 'vitest'
import { logAudit } from '../../../shared/catalog/audit.ts'
import { deleteObject, recordObject, recordObjects } from '../../../shared/catalog/objects.ts'
import { getBuckets, getStatistics, type Statistics } from '../../../shared/catalog/statistics.ts'
import { recordVersion } from '../../../shared/catalog/versions.ts'
import { type Client, connect, type Sql } from '../../../shared/database/connection.ts'
import { freshDatabase, databaseTest as test } from '../../support/postgres/database.ts'
import { fc } from '../../support/random.ts'

const EMPTY = { objects: 0, bytes: 0, versions: 0, deleteMarkers: 0, oldVersions: 0, oldVersionBytes: 0 }

test('an empty catalog has zero counts, and a row for each day', async ({ sql }) => {
  const { growth, ...rest } = await getStatistics(sql, { days: 3 })
  expect(rest).toEqual({ ...EMPTY, byBackend: [], byStorageClass: [], byContentType: [], byBucket: [], auditsLast24h: 0 })
  expect(growth.map(({ objects, bytes }) => [objects, bytes])).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
  ])
  expect(growth.at(-1)?.day).toBe(new Date().toISOString().slice(0, 10))
})

test('statistics of one bucket leave the others out', async ({ sql }) => {
  await recordObjects(sql, [
    { bucket: 'a', key: '1', size: 10, contentType: 'text/plain' },
    { bucket: 'b', key: '1', size: 300, storageBackend: 'local', storageClass: 'GLACIER' },
  ])
  await logAudit(sql, [{ action: 'UPLOAD', bucket: 'a' }, { action: 'UPLOAD', bucket: 'b' }, { action: 'LOGIN' }])
  expect(await getStatistics(sql, { bucket: 'b', days: 1 })).toEqual({
    ...EMPTY,
    objects: 1,
    bytes: 300,
    versions: 1,
    byBackend: [{ value: 'local', objects: 1, bytes: 300 }],
    byStorageClass: [{ value: 'GLACIER', objects: 1, bytes: 300 }],
    byContentType: [{ value: null, objects: 1, bytes: 300 }],
    byBucket: [{ value: 'b', objects: 1, bytes: 300 }],
    auditsLast24h: 1,
    growth: [{ day: new Date().toISOString().slice(0, 10), objects: 1, bytes: 300 }],
  })
  expect((await getStatistics(sql)).auditsLast24h).toBe(3)
  expect((await getBuckets(sql)).items.map(({ bucket, objects, bytes }) => [bucket, objects, bytes])).toEqual([
    ['a', 1, 10],
    ['b', 1, 300],
  ])
})

test('buckets are returned in pages', async ({ sql }) => {
  for (const bucket of ['b', 'A', 'c']) await recordObject(sql, { bucket, key: 'k', size: 1 })
  const first = await getBuckets(sql, { limit: 2 })
  const second = await getBuckets(sql, { limit: 2, cursor: first.nextCursor! })
  expect([first, second].map(({ items }) => items.map(({ bucket }) => bucket))).toEqual([['A', 'b'], ['c']])
  expect(second.nextCursor).toBeNull()
})

test('only the 50 content types with the most bytes are returned', async ({ sql }) => {
  await recordObjects(
    sql,
    Array.from({ length: 60 }, (_, n) => ({ bucket: 'b', key: `${n}`, size: n, contentType: `x/${n}` })),
  )
  const { byContentType } = await getStatistics(sql)
  expect(byContentType.map(({ value }) => value)).toEqual(Array.from({ length: 50 }, (_, n) => `x/${59 - n}`))
})

test('a content type of any length is counted', async ({ sql }) => {
  await recordObject(sql, { bucket: 'b', key: 'k', size: 1, contentType: '\u{1f600}'.repeat(4_000) })
  expect((await getStatistics(sql)).byContentType).toEqual([{ value: '\u{1f600}'.repeat(200), objects: 1, bytes: 1 }])
})

test('a thousand objects of the largest allowed size broke the statistics, and then every write', async ({ sql }) => {
  const size = Number.MAX_SAFE_INTEGER
  for (const versionId of ['v1', 'v2']) {
    await recordObjects(
      sql,
      Array.from({ length: 1100 }, (_, n) => ({ bucket: 'b', key: `${n}`, versionId, size })),
    )
  }
  expect(await getStatistics(sql, { days: 1 })).toMatchObject({
    bytes: 1100 * size,
    oldVersionBytes: 1100 * size,
    byBackend: [{ value: 's3', bytes: 1100 * size }],
    growth: [{ bytes: 1100 * size }],
  })
  expect((await getBuckets(sql)).items).toMatchObject([{ bytes: 1100 * size }])
})

test('a content type is counted without its parameters, in lower case', async ({ sql }) => {
  const types = ['text/plain', 'Text/Plain; charset=utf-8', 'multipart/form-data; boundary=1', 'multipart/form-data;boundary=2']
  await recordObjects(
    sql,
    types.map((contentType, n) => ({ bucket: 'b', key: `${n}`, size: 10, contentType })),
  )
  expect((await getStatistics(sql)).byContentType.map(({ value, objects }) => [value, objects])).toEqual([
    ['multipart/form-data', 2],
    ['text/plain', 2],
  ])
})

describe('a million content types made a million counters', () => {
  const typesOf = (bucket: string, from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => ({ bucket, key: `${from + n}`, size: 1, contentType: `x/${from + n}` }))
  const countersOf = async (sql: Sql, bucket: string) => {
    const rows = await sql<{ value: string; objects: number }[]>`
      select value, sum(objects)::int as objects
      from catalog.storage_counters
      where bucket = ${bucket} and dimension = 'type'
      group by value
      having sum(objects) <> 0
    `
    return new Map(rows.map(({ value, objects }) => [value, objects]))
  }

  test('the first 1,000 of a bucket are counted apart, the next one in other', async ({ sql }) => {
    await recordObjects(sql, typesOf('b', 0, 999))
    await recordObject(sql, { bucket: 'b', key: '999', size: 1, contentType: 'x/999' })
    expect(await countersOf(sql, 'b')).toHaveLength(1000)
    await recordObject(sql, { bucket: 'b', key: '1000', size: 1, contentType: 'x/1000' })
    await recordObjects(sql, typesOf('c', 1000, 1001))
    const counters = await countersOf(sql, 'b')
    expect([counters.size, counters.get('other'), counters.get('x/1000')]).toEqual([1001, 1, undefined])
    expect(await countersOf(sql, 'c')).toEqual(new Map([['x/1000', 1]]))
  })

  test('an object is subtracted where it was added, also when a type is free again', async ({ sql }) => {
    await recordObjects(sql, typesOf('b', 0, 1200))
    for (const key of ['0', '1100', '1199']) await deleteObject(sql, { bucket: 'b', key })
    await recordObjects(sql, typesOf('b', 1100, 1101))
    const counters = await countersOf(sql, 'b')
    expect([...counters.values()].reduce((sum, count) => sum + count, 0)).toBe(1198)
    await sql`truncate catalog.storage_tombstones`
    await recordObjects(
      sql,
      typesOf('b', 0, 1200).map(object => ({ ...object, contentType: 'text/plain' })),
    )
    expect(await countersOf(sql, 'b')).toEqual(new Map([['other', 1200]]))
  })

  test('the last free place goes to one of two writers, and a third counts as they do', async ({ database, sql }) => {
    await recordObjects(sql, typesOf('b', 0, 999))
    const others = connect({ url: database.url, max: 3 })
    const record = (own: Sql, key: string, contentType: string) => recordObject(own, { bucket: 'b', key, size: 1, contentType })
    const pending: Promise<unknown>[] = []
    await sql.begin(async tx => {
      await record(tx, 'first', 'x/first')
      for (const [key, type] of [
        ['second', 'x/second'],
        ['third', 'x/first'],
      ] as const) {
        pending.push(record(others, key, type))
        await Promise.race([pending.at(-1), untilWaiting(others, pending.length)])
      }
    })
    await Promise.all(pending)
    await others.end()
    await recordObjects(sql, [
      ...typesOf('b', 0, 999).map(object => ({ ...object, contentType: undefined })),
      ...['first', 'second', 'third'].map(key => ({ bucket: 'b', key, size: 1 })),
    ])
    expect(await countersOf(sql, 'b')).toEqual(new Map([['other', 1002]]))
  })
})

test('the audit count of 24 hours counts whole hours', async ({ sql }) => {
  const hour = 3_600_000
  const first = Math.floor((Date.now() - 24 * hour) / hour) * hour
  await logAudit(
    sql,
    [first - 1, first, Date.now()].map(ms => ({ action: 'UPLOAD', occurredAt: new Date(ms) })),
  )
  expect((await getStatistics(sql)).auditsLast24h).toBe(2)
})

type Change = {
  kind: 'put' | 'marker' | 'remove' | 'replace' | 'drop'
  bucket: string
  key: string
  versionId: string
  size: number
  type: string
}

const change = fc.record<Change>({
  kind: fc.constantFrom('put', 'put', 'put', 'marker', 'remove', 'replace', 'drop'),
  bucket: fc.constantFrom('a', 'B'),
  key: fc.constantFrom('k1', 'k2', 'k3'),
  versionId: fc.constantFrom('null', 'v1', 'v2'),
  size: fc.nat(1_000),
  type: fc.constantFrom('text/plain', 'image/png'),
})

describe('after any history the counters equal a scan', () => {
  test('of one writer', async () => {
    await using database = await freshDatabase()
    const { sql } = database
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 12 }), async changes => {
        for (const each of changes) await apply(sql, each)
        expect(await counted(sql)).toEqual(await scanned(sql))
      }),
      { numRuns: 40 },
    )
  })

  test('of eight writers of the same keys, without a deadlock', async ({ database }) => {
    const sql = connect({ url: database.url, max: 8 })
    const histories = fc.sample(fc.array(change, { minLength: 40, maxLength: 40 }), 8)
    await Promise.all(
      histories.map(async changes => {
        for (const each of changes) await apply(sql, each)
      }),
    )
    expect(await counted(sql)).toEqual(await scanned(sql))
    await sql.end()
  })
})

async function apply(sql: Client, { kind, bucket, key, versionId, size, type }: Change): Promise<void> {
  const version = { bucket, key, versionId, size, contentType: type }
  if (kind === 'put') await recordVersion(sql, version)
  if (kind === 'marker') await recordVersion(sql, { bucket, key, versionId, isDeleteMarker: true })
  if (kind === 'replace')
    await recordObjects(sql, [
      { ...version, key: 'k1' },
      { ...version, key: 'k3' },
      { ...version, bucket: 'a', key: 'k2' },
    ])
  if (kind === 'remove') await deleteObject(sql, { bucket, key }).catch(ifNotFound)
  if (kind === 'drop') await dropOldVersions(sql, bucket, key)
}

/** Without tombstones, so that they may be written again; in the turn of the key, as every writer of versions. */
async function dropOldVersions(sql: Client, bucket: string, key: string): Promise<void> {
  await sql.begin(async tx => {
    await tx`select catalog.lock_keys(array[${bucket}], array[${key}])`
    await tx`delete from catalog.storage_versions where bucket = ${bucket} and key = ${key} and not is_latest`
  })
}

/** Resolves when so many statements wait for a lock. */
async function untilWaiting(sql: Sql, count: number): Promise<void> {
  for (;;) {
    const [row] = await sql<[{ waiting: number }]>`
      select count(*)::int as waiting
      from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'
    `
    if (row.waiting >= count) return
  }
}

function ifNotFound(error: Error): void {
  if (error.name !== 'NotFound') throw error
}

type Counts = Pick<Statistics, keyof typeof EMPTY | 'byBackend' | 'byStorageClass' | 'byContentType' | 'byBucket'>

async function counted(sql: Sql): Promise<Counts & { created: number[] }> {
  const { growth, auditsLast24h: _, ...counts } = await getStatistics(sql, { days: 2 })
  return { ...counts, created: [growth.reduce((n, day) => n + day.objects, 0), growth.reduce((n, day) => n + day.bytes, 0)] }
}

async function scanned(sql: Sql): Promise<Counts & { created: number[] }> {
  const share = (column: string) => sql<Statistics['byBackend']>`
    select ${sql(column)} as value, count(*) as objects, sum(size)::bigint as bytes
    from catalog.storage_objects group by 1 order by 3 desc, 2 desc, ${sql(column)} collate "C"
  `
  const [sums] = await sql<[typeof EMPTY]>`
    select (select count(*) from catalog.storage_objects) as objects,
      (select coalesce(sum(size), 0)::bigint from catalog.storage_objects) as bytes,
      count(*) filter (where not is_delete_marker) as versions,
      count(*) filter (where is_delete_marker) as "deleteMarkers",
      count(*) filter (where not is_delete_marker and not is_latest) as "oldVersions",
      coalesce(sum(size) filter (where not is_delete_marker and not is_latest), 0)::bigint as "oldVersionBytes"
    from catalog.storage_versions
  `
  return {
    ...sums,
    byBackend: [...(await share('storage_backend'))],
    byStorageClass: [...(await share('storage_class'))],
    byContentType: [...(await share('content_type'))],
    byBucket: [...(await share('bucket'))],
    created: [sums.objects, sums.bytes],
  }
}
