import { describe, expect } from 'vitest'
import { getObjectMetadata, recordObject } from '../../../shared/catalog/objects.ts'
import { annotateVersion, listVersions, recordVersion, type StoredVersion } from '../../../shared/catalog/versions.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'

const K = { bucket: 'docs', key: 'k' }

const at = (day: number) => new Date(Date.UTC(2024, 0, day))

/** Version ids of K as they are listed, the latest with a star, markers in brackets. */
async function history(sql: Sql): Promise<string[]> {
  const { items } = await listVersions(sql, K)
  return items.map(v => `${v.isDeleteMarker ? `[${v.versionId}]` : v.versionId}${v.isLatest ? '*' : ''}`)
}

describe('recordVersion', () => {
  test('a version is returned as it was recorded', async ({ sql }) => {
    const version = {
      ...K,
      versionId: 'v1',
      size: 7,
      etag: 'e',
      contentType: 'text/plain',
      lastModified: at(1),
      storageBackend: 'local',
      storageClass: 'GLACIER',
      metadata: { a: '1', 'n\0': 'v\0' },
      tags: { t: '2' },
      createdBy: 'ada',
      claimedBy: 'arn:ada',
      comment: 'a\0b',
    }
    await recordVersion(sql, version)
    const expected: StoredVersion = {
      ...version,
      isLatest: true,
      isDeleteMarker: false,
      metadata: { a: '1', 'n␀': 'v␀' },
      comment: 'a␀b',
      createdAt: expect.any(Date),
    }
    expect((await listVersions(sql, K)).items).toEqual([expected])
  })

  test('a new version becomes the latest and the current object', async ({ sql }) => {
    await recordVersion(sql, { ...K, versionId: 'v1', size: 1, lastModified: at(1) })
    await recordVersion(sql, { ...K, versionId: 'v2', size: 2, lastModified: at(2), tags: { a: '1' } })
    expect(await history(sql)).toEqual(['v2*', 'v1'])
    expect(await getObjectMetadata(sql, K)).toMatchObject({ versionId: 'v2', size: 2, tags: { a: '1' } })
  })

  test('old versions recorded late, in any order, do not change the latest one', async ({ sql }) => {
    await recordVersion(sql, { ...K, versionId: 'v3', size: 3, lastModified: at(3) })
    await recordVersion(sql, { ...K, versionId: 'v1', size: 1, lastModified: at(1), isLatest: false })
    await recordVersion(sql, { ...K, versionId: 'v2', size: 2, lastModified: at(2), isLatest: false })
    expect(await history(sql)).toEqual(['v3*', 'v2', 'v1'])
    expect(await getObjectMetadata(sql, K)).toMatchObject({ versionId: 'v3', size: 3 })
  })

  test('a key with old versions only has no object', async ({ sql }) => {
    await recordVersion(sql, { ...K, versionId: 'v1', isLatest: false })
    expect(await history(sql)).toEqual(['v1'])
    await expect(getObjectMetadata(sql, K)).rejects.toMatchObject({ name: 'NotFound' })
  })

  test('a delete marker has no size and hides the object only while it is the latest', async ({ sql }) => {
    await recordVersion(sql, { ...K, versionId: 'v1', size: 1, lastModified: at(1) })
    await recordVersion(sql, { ...K, versionId: 'm0', isDeleteMarker: true, isLatest: false, lastModified: at(0) })
    expect(await getObjectMetadata(sql, K)).toMatchObject({ versionId: 'v1' })
    await recordVersion(sql, { ...K, versionId: 'm2', isDeleteMarker: true, size: 5, lastModified: at(2) })
    expect(await history(sql)).toEqual(['[m2]*', 'v1', '[m0]'])
    expect((await listVersions(sql, K)).items[0]).toMatchObject({ size: null })
    await expect(getObjectMetadata(sql, K)).rejects.toMatchObject({ name: 'NotFound' })
  })

  test('a version recorded again is replaced; it keeps comment and author unless they are given', async ({ sql }) => {
    await recordVersion(sql, { ...K, versionId: 'v1', size: 1, lastModified: at(1), comment: 'mine', createdBy: 'ada' })
    await recordVersion(sql, { ...K, versionId: 'v1', size: 2, lastModified: at(1), metadata: { a: '1' } })
    expect((await listVersions(sql, K)).items).toMatchObject([
      { size: 2, metadata: { a: '1' }, comment: 'mine', createdBy: 'ada' },
    ])
    expect(await getObjectMetadata(sql, K)).toMatchObject({ size: 2, metadata: { a: '1' } })
    await recordVersion(sql, { ...K, versionId: 'v1', size: 2, lastModified: at(1), comment: 'yours', createdBy: 'bob' })
    expect((await listVersions(sql, K)).items).toMatchObject([{ comment: 'yours', createdBy: 'bob' }])
  })

  test('an older version can be made the latest again', async ({ sql }) => {
    await recordVersion(sql, { ...K, versionId: 'v1', size: 1, lastModified: at(1) })
    await recordVersion(sql, { ...K, versionId: 'v2', size: 2, lastModified: at(2) })
    await recordVersion(sql, { ...K, versionId: 'v1', size: 1, lastModified: at(1) })
    expect(await history(sql)).toEqual(['v1*', 'v2'])
    expect(await getObjectMetadata(sql, K)).toMatchObject({ versionId: 'v1' })
  })
})

describe('listVersions', () => {
  test('returns versions newest first, in pages, even when many have the same time', async ({ sql }) => {
    for (const [n, day] of [3, 1, 2, 2, 2, 2, 3].entries()) {
      await recordVersion(sql, { ...K, versionId: `v${n}`, size: n, lastModified: at(day), isLatest: n === 3 })
    }
    const expected = ['v3', 'v6', 'v0', 'v5', 'v4', 'v2', 'v1']
    for (const limit of [1, 2, 3, 6, 7, 8]) {
      const found: string[] = []
      for (let cursor: string | undefined; ; ) {
        const page = await listVersions(sql, { ...K, limit, cursor })
        found.push(...page.items.map(({ versionId }) => versionId))
        if (page.nextCursor === null) break
        expect(page.items).toHaveLength(limit)
        cursor = page.nextCursor
      }
      expect(found).toEqual(expected)
    }
  })

  test('versions less than a millisecond apart are neither repeated nor lost', async ({ sql }) => {
    await sql`
      insert into catalog.storage_versions (bucket, key, version_id, size, last_modified)
      select 'docs', 'k', 'v' || n, 0, timestamptz '2024-01-01 00:00:00+00' + n * interval '1 microsecond'
      from generate_series(1, 5) as n
    `
    const found: string[] = []
    for (let cursor: string | undefined, more = true; more; ) {
      const page = await listVersions(sql, { ...K, limit: 1, cursor })
      found.push(...page.items.map(({ versionId }) => versionId))
      more = page.nextCursor !== null
      cursor = page.nextCursor ?? undefined
    }
    expect(found).toEqual(['v5', 'v4', 'v3', 'v2', 'v1'])
  })

  test('returns versions of that key only, and none of an unknown key', async ({ sql }) => {
    await recordVersion(sql, { ...K, key: 'k2', versionId: 'v1' })
    await recordVersion(sql, { ...K, bucket: 'other', versionId: 'v1' })
    expect(await listVersions(sql, K)).toEqual({ items: [], nextCursor: null })
  })

  test('a key with U+0000 and U+0001 is found as it is', async ({ sql }) => {
    const key = 'a\0\x01\x02b'
    await recordVersion(sql, { ...K, key, versionId: 'v1' })
    expect((await listVersions(sql, { ...K, key })).items).toMatchObject([{ key }])
    expect((await listVersions(sql, { ...K, key: 'a\x01\0\x02b' })).items).toEqual([])
  })

  test('a cursor that is malformed or of another list is refused', async ({ sql }) => {
    const cursors = [
      '["objects","a"]',
      '["versions"]',
      '["versions",true,"yesterday","","v1"]',
      '["versions",1,"2024-01-01T00:00:00Z","","v"]',
    ]
    for (const cursor of ['%%%', ...cursors.map(text => Buffer.from(text).toString('base64url'))]) {
      await expect(listVersions(sql, { ...K, cursor })).rejects.toMatchObject({ name: 'Invalid' })
    }
  })
})

describe('annotateVersion', () => {
  test('comment, author and tags change, and nothing else', async ({ sql }) => {
    await recordObject(sql, { ...K, versionId: 'v1', size: 1, metadata: { a: '1' }, tags: { t: '1' } })
    const [before] = (await listVersions(sql, K)).items
    const annotated = await annotateVersion(sql, {
      ...K,
      versionId: 'v1',
      comment: 'so\0lid',
      createdBy: 'ada',
      tags: { t: '\0' },
    })
    expect(annotated).toEqual({ ...before, comment: 'so␀lid', createdBy: 'ada', tags: { t: '␀' } })
    expect((await listVersions(sql, K)).items).toEqual([annotated])
  })

  test('fields that are not given stay, null clears comment and author', async ({ sql }) => {
    await recordObject(sql, { ...K, versionId: 'v1', size: 1, tags: { t: '1' }, comment: 'c', createdBy: 'ada' })
    expect(await annotateVersion(sql, { ...K, versionId: 'v1', comment: 'd' })).toMatchObject({
      comment: 'd',
      createdBy: 'ada',
      tags: { t: '1' },
    })
    expect(await annotateVersion(sql, { ...K, versionId: 'v1', comment: null, createdBy: null })).toMatchObject({
      comment: null,
      createdBy: null,
      tags: { t: '1' },
    })
  })

  test('tags of the latest version become those of the object and are found by search; tags of an old version do not', async ({
    sql,
  }) => {
    await recordObject(sql, { ...K, versionId: 'v1', size: 1, lastModified: at(1) })
    await recordObject(sql, { ...K, versionId: 'v2', size: 1, lastModified: at(2) })
    await annotateVersion(sql, { ...K, versionId: 'v1', tags: { team: 'old' } })
    expect((await getObjectMetadata(sql, K)).tags).toEqual({})
    await annotateVersion(sql, { ...K, versionId: 'v2', tags: { team: 'finance' } })
    expect((await getObjectMetadata(sql, K)).tags).toEqual({ team: 'finance' })
    expect(await sql`select from catalog.storage_objects where search_vector @@ 'finance'`).toHaveLength(1)
  })

  test('a delete marker can be commented, and the key stays hidden', async ({ sql }) => {
    await recordVersion(sql, { ...K, versionId: 'm1', isDeleteMarker: true })
    expect(await annotateVersion(sql, { ...K, versionId: 'm1', comment: 'by mistake' })).toMatchObject({
      comment: 'by mistake',
      size: null,
    })
    await expect(getObjectMetadata(sql, K)).rejects.toMatchObject({ name: 'NotFound' })
  })

  test('an unknown version throws NotFound', async ({ sql }) => {
    await recordObject(sql, { ...K, versionId: 'v1', size: 1 })
    const missing = annotateVersion(sql, { ...K, versionId: 'v2', comment: 'c' })
    await expect(missing).rejects.toMatchObject({ name: 'NotFound', message: 'No version v2 of k in bucket docs' })
  })
})
