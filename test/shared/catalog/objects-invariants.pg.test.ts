import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { recordObject, recordObjects } from '../../../shared/catalog/objects.ts'
import { applyObservations, type Observation } from '../../../shared/catalog/observations.ts'
import { annotateVersion, recordVersion } from '../../../shared/catalog/versions.ts'
import type { Client, Sql } from '../../../shared/database/connection.ts'
import { freshDatabase, databaseTest as test } from '../../support/postgres/database.ts'
import { randomNumbers, shuffle } from '../../support/random.ts'

const K = { bucket: 'docs', key: 'k' }

const OBSERVED: Observation = {
  ...K,
  versionId: 'v1',
  state: 'present',
  isVerified: true,
  claimsLatest: true,
  size: 1,
  lastModified: new Date('2024-01-01'),
  sequencer: '',
}

const LATEST = { ...K, versionId: 'v1', size: 1 }

describe('storage_objects follows every write to storage_versions', () => {
  const objects = async (sql: Sql) => [
    ...(await sql`select key, version_id as "versionId", size from catalog.storage_objects order by 1`),
  ]

  test('a latest version that is inserted or flagged has its object', async ({ sql }) => {
    await sql`insert into catalog.storage_versions (bucket, key, size, is_latest, last_modified) values ('docs', 'k', 1, true, now())`
    expect(await objects(sql)).toEqual([{ key: 'k', versionId: 'null', size: 1 }])
    await recordVersion(sql, { ...K, key: 'l', versionId: 'v1', isLatest: false })
    await sql`update catalog.storage_versions set is_latest = true`
    expect(await objects(sql)).toMatchObject([{ key: 'k' }, { key: 'l', versionId: 'v1' }])
  })

  test.for([
    'delete from catalog.storage_versions',
    'update catalog.storage_versions set is_latest = false',
    'update catalog.storage_versions set is_delete_marker = true, size = null',
  ])('an object goes with its latest version: %s', async (statement, { sql }) => {
    await recordObject(sql, LATEST)
    await sql.unsafe(statement)
    expect(await objects(sql)).toEqual([])
  })

  test('an object moves and changes with its latest version', async ({ sql }) => {
    await recordObject(sql, LATEST)
    await sql`update catalog.storage_versions set key = 'moved', version_id = 'v2', size = 2`
    expect(await objects(sql)).toEqual([{ key: 'moved', versionId: 'v2', size: 2 }])
  })

  test('a statement that flagged the new latest version before it unflagged the old one was refused', async ({ sql }) => {
    await recordVersion(sql, { ...K, versionId: 'v1' })
    await recordVersion(sql, { ...K, versionId: 'v2' })
    // One of these meets the rows in the wrong order, whichever that is.
    for (const versionId of ['v1', 'v2', 'v1']) {
      await sql`update catalog.storage_versions set is_latest = version_id = ${versionId}`
      expect(await objects(sql)).toMatchObject([{ versionId }])
    }
  })

  test('an object stays the same row when the version before becomes the latest again', async ({ sql }) => {
    const seen = (versionId: string, state: 'present' | 'gone') => ({ ...OBSERVED, versionId, state, claimsLatest: false })
    await recordObject(sql, LATEST)
    const [before] = await sql`select id, created_at from catalog.storage_objects`
    await recordObject(sql, { ...LATEST, versionId: 'v2' })
    await applyObservations(sql, null, { observed: [seen('v2', 'gone')], confirmedLatest: [{ ...K, versionId: 'v1' }] })
    expect([...(await sql`select id, created_at, version_id from catalog.storage_objects`)]).toEqual([
      { ...before, version_id: 'v1' },
    ])
    expect(await sql`select from catalog.storage_versions`).toHaveLength(1)
  })
})

describe('the database itself refuses', () => {
  const refused = async (statement: Promise<unknown>, error: { code: string; message?: string }) => {
    await expect(statement).rejects.toMatchObject(error)
  }
  const differ = { code: '23000', message: "storage_objects and the latest version of 'k' in docs would differ" }

  test('two latest versions of a key', async ({ sql }) => {
    await recordObject(sql, LATEST)
    await refused(
      sql`insert into catalog.storage_versions (bucket, key, version_id, size, is_latest, last_modified) values ('docs', 'k', 'v2', 1, true, now())`,
      { code: '23P01', message: 'conflicting key value violates exclusion constraint "storage_versions_latest"' },
    )
  })

  test('an object without a version, and a latest version without its object', async ({ sql }) => {
    await refused(
      sql`insert into catalog.storage_objects (bucket, key, size, last_modified) values ('docs', 'k', 1, now())`,
      differ,
    )
    await recordObject(sql, LATEST)
    await refused(sql`delete from catalog.storage_objects`, differ)
    await refused(sql`update catalog.storage_objects set version_id = 'v2'`, differ)
    await refused(sql`update catalog.storage_objects set key = 'k2'`, { code: '23000' })
  })

  test('emptying one of the two tables', async ({ sql }) => {
    await recordObject(sql, LATEST)
    await refused(sql`truncate catalog.storage_objects`, { code: '23000' })
    await refused(sql`truncate catalog.storage_versions`, { code: '23000' })
    await sql`truncate catalog.storage_versions, catalog.storage_objects, catalog.storage_counters`
  })

  test('a setting that a role can set turned the check off', async ({ sql }) => {
    await recordObject(sql, LATEST)
    const deleted = sql.begin(async tx => {
      await tx`select set_config('catalog.applying', 'on', true)`
      await tx`delete from catalog.storage_objects`
    })
    await refused(deleted, differ)
  })

  test('a delete marker with a size, and a version without one', async ({ sql }) => {
    const error = {
      code: '23514',
      message: 'new row for relation "storage_versions" violates check constraint "storage_versions_marker_has_no_size"',
    }
    const insert = (isMarker: boolean, size: number | null) => sql`
      insert into catalog.storage_versions (bucket, key, is_delete_marker, size, last_modified) values ('docs', 'k', ${isMarker}, ${size}, now())
    `
    await refused(insert(true, 1), error)
    await refused(insert(false, null), error)
  })
})

describe('writers at once', () => {
  test('eight writers of the same fifty keys neither deadlock nor lose a write', { timeout: 60_000 }, async ({ sql }) => {
    const rounds = 12
    const keys = Array.from({ length: 50 }, (_, n) => `k${n}`)
    const random = randomNumbers()
    const write = async (writer: number) => {
      for (let round = 0; round < rounds; round++) {
        const shuffled = shuffle(keys, random)
        const versionId = `v${writer}-${round}`
        await recordObjects(
          sql,
          shuffled.map((key, n) => ({ bucket: n % 2 ? 'docs' : 'more', key, versionId, size: writer })),
        )
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)))
    const [row] =
      await sql`select count(*) as versions, count(*) filter (where is_latest) as latest from catalog.storage_versions`
    expect(row?.versions).toBe(8 * rounds * 50)
    expect(await untold(sql)).toEqual([])
    expect(row?.latest).toBe((await sql`select from catalog.storage_objects`).length)
  })

  test('writers of the same keys in several buckets all finish', { timeout: 60_000 }, async ({ sql }) => {
    const random = randomNumbers()
    const write = (writer: number) => {
      const objects = Array.from({ length: 1000 }, (_, n) => ({ bucket: `b${n % 4}`, key: `k${n}`, size: writer }))
      return recordObjects(sql, shuffle(objects, random))
    }
    await Promise.all([1, 2, 3, 4].map(write))
    expect(await untold(sql)).toEqual([])
    expect(await sql`select from catalog.storage_objects`).toHaveLength(1000)
  })

  test('an object has the tags of a version that becomes the latest while it is annotated', async ({ sql }) => {
    await recordVersion(sql, { ...K, versionId: 'v1', tags: { t: 'old' } })
    await recordVersion(sql, { ...K, versionId: 'v2' })
    const annotated = await whileHeld(
      sql,
      holder => applyObservations(holder, null, { confirmedLatest: [{ ...K, versionId: 'v1' }] }),
      () => annotateVersion(sql, { ...K, versionId: 'v1', tags: { t: 'new' } }),
    )
    expect(annotated.tags).toEqual({ t: 'new' })
    expect([...(await sql`select version_id, tags from catalog.storage_objects`)]).toEqual([
      { version_id: 'v1', tags: { t: 'new' } },
    ])
  })
})

describe('applyObservations', () => {
  const seen = (facts: Partial<Observation>): Observation => ({ ...OBSERVED, ...facts })

  test('returns the keys whose latest version is undecided, with their bucket', async ({ sql }) => {
    const key = 'a\0/b'
    for (const versionId of ['v1', 'v2']) {
      const observed = ['docs', 'more/docs'].map(bucket => seen({ bucket, key, versionId }))
      const undecided = await applyObservations(sql, null, { observed })
      expect(undecided).toEqual(versionId === 'v1' ? [] : observed.map(({ bucket }) => ({ bucket, key })))
    }
  })

  test('an earlier observation does not undo a later one', async ({ sql }) => {
    await applyObservations(sql, '2024-01-02T00:00:00Z', { observed: [seen({ size: 2 })] })
    await applyObservations(sql, '2024-01-01T00:00:00Z', { observed: [seen({ size: 1 })] })
    expect([...(await sql`select size from catalog.storage_versions`)]).toEqual([{ size: 2 }])
    expect([...(await sql`select size from catalog.storage_objects`)]).toEqual([{ size: 2 }])
  })

  test.each(['null', 'v1'])(
    'a deleted version %s comes back by a later response of the backend only, not by an event',
    async versionId => {
      await using database = await freshDatabase()
      const { sql } = database
      await applyObservations(sql, '2024-01-02T00:00:00Z', { observed: [seen({ versionId, state: 'gone' })] })
      await applyObservations(sql, '2024-01-03T00:00:00Z', { observed: [seen({ versionId, isVerified: false })] })
      await applyObservations(sql, '2024-01-01T00:00:00Z', { observed: [seen({ versionId })] })
      expect(await sql`select from catalog.storage_versions`).toHaveLength(0)
      await applyObservations(sql, '2024-01-03T00:00:00Z', { observed: [seen({ versionId })] })
      expect([...(await sql`select version_id from catalog.storage_objects`)]).toEqual([{ version_id: versionId }])
      await applyObservations(sql, '2024-01-02T12:00:00Z', { observed: [seen({ versionId, state: 'gone' })] })
      expect(await sql`select from catalog.storage_versions`).toHaveLength(1)
    },
  )
})

/** Keys whose object and latest version differ in a column that both have. */
async function untold(sql: Sql): Promise<unknown[]> {
  return [
    ...(await sql`
      select coalesce(v.key, o.key) as key
      from (select * from catalog.storage_versions where is_latest and not is_delete_marker) as v
      full join catalog.storage_objects o using (bucket, key)
      where (v.version_id, v.size, v.etag, v.last_modified, v.metadata, v.tags)
        is distinct from (o.version_id, o.size, o.etag, o.last_modified, o.metadata, o.tags)
    `),
  ]
}

/** Starts `act` while a transaction that did `hold` is open, commits it when `act` waits for it, and returns the result of `act`. */
async function whileHeld<T>(sql: Client, hold: (holder: Sql) => Promise<unknown>, act: () => Promise<T>): Promise<T> {
  let acting: Promise<T> | undefined
  await sql.begin(async holder => {
    await hold(holder)
    acting = act()
    for (let waiting = 0; waiting === 0; await sleep(10)) {
      waiting = (await holder`select from pg_locks where not granted`).length
    }
  })
  if (!acting) throw new Error('never started')
  return acting
}
