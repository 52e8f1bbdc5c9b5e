import { describe, expect } from 'vitest'
import { getAuditLogs, logAudit, type NewAuditEntry } from '../../../shared/catalog/audit.ts'
import { connect } from '../../../shared/database/connection.ts'
import { Invalid } from '../../../shared/errors.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { randomNumbers, shuffle } from '../../support/random.ts'

const HOUR = 3_600_000

const NOW = Date.now()

function hoursAgo(hours: number): Date {
  return new Date(NOW - hours * HOUR)
}

test('an entry about a key with U+0000 in its metadata failed the whole write', async ({ sql }) => {
  await logAudit(sql, { action: 'FORGET', metadata: { versions: [{ key: 'a\0b', versionId: 'v1' }] } })
  expect((await getAuditLogs(sql, {})).items).toMatchObject([{ metadata: { versions: [{ key: 'a\u2400b' }] } }])
})

test('an entry is returned as it was logged', async ({ sql }) => {
  const occurredAt = hoursAgo(1)
  const entry = {
    action: 'DOWNLOAD',
    occurredAt,
    userId: 'arn:aws:iam::1:user/ann',
    userName: 'ann',
    bucket: 'archive',
    key: 'a\0b/\x01\u{1f600}',
    versionId: 'v1',
    ipAddress: '203.0.113.7',
    userAgent: 'curl/8',
    success: false,
    errorMessage: 'no such key',
    metadata: { requestId: 'r1', nested: [1, null] },
  }
  await logAudit(sql, entry)
  const { items, nextCursor } = await getAuditLogs(sql, {})
  expect(items).toEqual([{ id: expect.any(Number), ...entry, source: 'posted', claimed: null, recordedAt: expect.any(Date) }])
  expect(nextCursor).toBeNull()
})

test('fields that are not given are null, success defaults to true and the time to now', async ({ sql }) => {
  await logAudit(sql, { action: 'UPLOAD' })
  const { items } = await getAuditLogs(sql, {})
  const nothing = { userId: null, userName: null, bucket: null, key: null, versionId: null, ipAddress: null, userAgent: null }
  const entry = {
    id: expect.any(Number),
    action: 'UPLOAD',
    occurredAt: expect.any(Date),
    success: true,
    errorMessage: null,
    metadata: {},
    source: 'posted',
    claimed: null,
    recordedAt: expect.any(Date),
  }
  expect(items).toEqual([{ ...entry, ...nothing }])
  expect(Math.abs(items[0]!.occurredAt.getTime() - Date.now())).toBeLessThan(60_000)
})

test('text that Postgres cannot store is replaced visibly', async ({ sql }) => {
  await logAudit(sql, { action: 'UPLOAD', userAgent: 'a\0b\ud800' })
  expect((await getAuditLogs(sql, {})).items[0]?.userAgent).toBe('a\u2400b\ufffd')
})

describe('an entry is refused', () => {
  test.for([
    ['an action in lower case', { action: 'upload' }],
    ['an empty action', { action: '' }],
    ['an action of 65 letters', { action: 'A'.repeat(65) }],
    ['a time two days ahead', { action: 'UPLOAD', occurredAt: hoursAgo(-48) }],
    ['no time', { action: 'UPLOAD', occurredAt: new Date(Number.NaN) }],
    ['a time before 1970', { action: 'UPLOAD', occurredAt: new Date(-1) }],
  ] as [string, NewAuditEntry][])('%s', async ([, entry], { sql }) => {
    await expect(logAudit(sql, [{ action: 'UPLOAD' }, entry])).rejects.toThrow(Invalid)
    expect((await getAuditLogs(sql, {})).items).toEqual([])
  })
})

test('an event from before the first month is kept', async ({ sql }) => {
  await logAudit(sql, { action: 'UPLOAD', occurredAt: new Date(0) })
  await logAudit(sql, { action: 'UPLOAD', occurredAt: new Date('2006-03-14T00:00:00Z') })
  expect((await getAuditLogs(sql, {})).items.map(({ occurredAt }) => occurredAt.toISOString())).toEqual([
    '2006-03-14T00:00:00.000Z',
    '1970-01-01T00:00:00.000Z',
  ])
})

test('each filter leaves out what it does not match', async ({ sql }) => {
  const base = {
    action: 'DOWNLOAD',
    bucket: 'b',
    key: 'k',
    versionId: 'v',
    userId: 'u',
    success: true,
    source: 'api' as const,
    occurredAt: hoursAgo(5),
  }
  const others = [
    { ...base, action: 'UPLOAD' },
    { ...base, bucket: 'b2' },
    { ...base, key: 'k2' },
    { ...base, versionId: 'v2' },
    { ...base, userId: 'u2' },
    { ...base, source: 'posted' as const },
    { ...base, success: false },
    { ...base, occurredAt: hoursAgo(6) },
    { ...base, occurredAt: hoursAgo(4) },
  ]
  await logAudit(sql, [base, ...others])
  const { occurredAt, ...filter } = base
  const { items } = await getAuditLogs(sql, { ...filter, from: occurredAt, to: hoursAgo(4) })
  expect(items.map(({ id }) => id)).toHaveLength(1)
  expect(items[0]).toMatchObject(base)
  for (const field of Object.keys(filter)) {
    const { items } = await getAuditLogs(sql, { ...filter, from: occurredAt, to: hoursAgo(4), [field]: undefined })
    expect(items, field).toHaveLength(2)
  }
})

test('pages return each entry once, newest first, even when many share one microsecond', async ({ sql }) => {
  await sql`
    insert into catalog.storage_audit (action, occurred_at, metadata)
    select 'UPLOAD', date_trunc('month', now()) - interval '1 day' + make_interval(hours => n / 5) + interval '1 microsecond' * (n % 3),
      jsonb_build_object('n', n)
    from generate_series(1, 120) as n
  `
  const all = await sql<
    { n: number }[]
  >`select metadata -> 'n' as n from catalog.storage_audit order by occurred_at desc, id desc`
  const seen: unknown[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await getAuditLogs(sql, { limit: 7, cursor })
    seen.push(...page.items.map(({ metadata }) => metadata.n))
    if (page.nextCursor === null) break
    cursor = page.nextCursor
  }
  expect(seen).toEqual(all.map(({ n }) => n))
})

test('a cursor leaves newer partitions out of the plan', async ({ sql }) => {
  const plan = await sql<{ 'QUERY PLAN': string }[]>`
    explain select from catalog.storage_audit where occurred_at <= '2006-01-01T00:00:00.000001Z'::timestamptz
      and (occurred_at, id) < ('2006-01-01T00:00:00.000001Z'::timestamptz, 7)
    order by occurred_at desc, id desc limit 10
  `
  const tables = plan.flatMap(line => line['QUERY PLAN'].match(/storage_audit_(past|\d{4}_\d\d)\b/)?.[0] ?? [])
  expect([...new Set(tables)]).toEqual(['storage_audit_past'])
})

describe('the audit trail is append-only', () => {
  test.for([
    'update catalog.storage_audit set success = false',
    'delete from catalog.storage_audit',
    'truncate catalog.storage_audit',
    'update catalog.storage_audit_past set success = false',
    'delete from catalog.storage_audit_past',
    'truncate catalog.storage_audit_past',
  ])('%s', async (statement, { sql }) => {
    await logAudit(sql, [{ action: 'UPLOAD' }, { action: 'UPLOAD', occurredAt: new Date(0) }])
    await expect(sql.unsafe(statement)).rejects.toMatchObject({ code: '42501' })
    expect((await getAuditLogs(sql, {})).items).toHaveLength(2)
  })

  test('a setting that a role can set opened it for deletes', async ({ sql }) => {
    await logAudit(sql, { action: 'UPLOAD' })
    const deleted = sql.begin(async tx => {
      await tx`select set_config('catalog.pruning', 'on', true)`
      await tx`delete from catalog.storage_audit`
    })
    await expect(deleted).rejects.toMatchObject({ code: '42501' })
  })

  test('a statement on a partition is refused like one on the table', async ({ sql }) => {
    await logAudit(sql, { action: 'UPLOAD' })
    const [month] = await sql<
      { name: string }[]
    >`select c.relname as name from catalog.storage_audit a join pg_class c on c.oid = a.tableoid`
    for (const statement of ['delete from', 'truncate']) {
      await expect(sql.unsafe(`${statement} catalog.${month!.name}`)).rejects.toMatchObject({ code: '42501' })
    }
  })
})

test('eight writers of several buckets and hours do not deadlock, and the counts per hour are exact', async ({ database }) => {
  const sql = connect({ url: database.url, max: 8 })
  const entries = ['z', 'Y', 'a-b', 'a.b'].flatMap(bucket =>
    [3, 2, 1].flatMap(hours => ['UPLOAD', 'DELETE'].map(action => ({ bucket, action, occurredAt: hoursAgo(hours) }))),
  )
  const random = randomNumbers()
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 25; i++) await logAudit(sql, shuffle(entries, random))
    }),
  )
  const hours =
    await sql`select hour, bucket, sum(entries)::int as n from catalog.storage_audit_hours group by 1, 2 order by 1, 2`
  const scan = await sql`
    select date_trunc('hour', occurred_at, 'UTC') as hour, bucket collate "C" as bucket, count(*)::int as n
    from catalog.storage_audit group by 1, 2 order by 1, 2
  `
  expect([...hours]).toEqual([...scan])
  expect(scan.reduce((sum, { n }) => sum + n, 0)).toBe(8 * 25 * entries.length)
  await sql.end()
})
