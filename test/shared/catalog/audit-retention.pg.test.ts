import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { logAudit } from '../../../shared/catalog/audit.ts'
import { cleanupOldAudits } from '../../../shared/catalog/audit-retention.ts'
import type { Clock } from '../../../shared/clock.ts'
import { type Client, connect, type Sql } from '../../../shared/database/connection.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'

const DAY = 86_400_000

/** The first moment of the month so many months after this one, in UTC. */
function month(offset: number): Date {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1))
}

function partition(offset: number): string {
  return `storage_audit_${month(offset).toISOString().slice(0, 7).replace('-', '_')}`
}

/** A trail as it is after some months of use: the unbounded partition reaches up to the first of them. */
async function grown(sql: Sql, months: number): Promise<void> {
  await sql`alter table catalog.storage_audit detach partition catalog.storage_audit_past`
  await sql`drop table catalog.storage_audit_past`
  for (let offset = -months; offset < 0; offset++) await attach(sql, partition(offset), month(offset), month(offset + 1))
  await sql`select catalog.attach_audit_partition('storage_audit_past', 'minvalue', ${`'${month(-months).toISOString()}'`})`
}

async function attach(sql: Sql, name: string, from: Date, to: Date): Promise<void> {
  await sql`select catalog.attach_audit_partition(${name}, ${`'${from.toISOString()}'`}, ${`'${to.toISOString()}'`})`
}

/** One entry on the 10th of each month, and one from long ago. */
async function entries(sql: Sql, months: number): Promise<void> {
  const times = Array.from({ length: months }, (_, i) => new Date(month(-i - 1).getTime() + 9 * DAY))
  await logAudit(
    sql,
    [...times, new Date(0)].map(occurredAt => ({ action: 'UPLOAD', occurredAt })),
  )
}

async function times(sql: Sql): Promise<string[]> {
  const rows = await sql<{ day: string }[]>`
    select to_char(occurred_at at time zone 'utc', 'YYYY-MM-DD') as day from catalog.storage_audit order by occurred_at
  `
  return rows.map(({ day }) => day)
}

async function partitions(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select c.relname as name from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = 'catalog.storage_audit'::regclass order by 1
  `
  return rows.map(({ name }) => name)
}

/** Retention that puts the cutoff on that moment. */
function until(cutoff: Date) {
  return { retentionDays: 1, now: new Date(cutoff.getTime() + DAY) }
}

const day = (offset: number) => new Date(month(offset).getTime() + 9 * DAY).toISOString().slice(0, 10)

test('whole months are dropped, older entries of the cutoff’s month are deleted, and younger ones stay', async ({ sql }) => {
  await grown(sql, 4)
  await entries(sql, 4)
  const report = await cleanupOldAudits(sql, until(new Date(month(-2).getTime() + 15 * DAY)))
  expect(report).toEqual({ droppedPartitions: [partition(-4), partition(-3)], deletedRows: 2 })
  expect(await times(sql)).toEqual([day(-1)])
  expect(await partitions(sql)).toEqual([...[-2, -1, 0, 1, 2, 3].map(partition), 'storage_audit_past'])
})

test('a cutoff at the start of a month drops everything before it and nothing of it', async ({ sql }) => {
  await grown(sql, 3)
  await logAudit(
    sql,
    [-1, 0].map(ms => ({ action: 'UPLOAD', occurredAt: new Date(month(-1).getTime() + ms) })),
  )
  const report = await cleanupOldAudits(sql, until(month(-1)))
  expect(report).toEqual({ droppedPartitions: [partition(-3), partition(-2)], deletedRows: 0 })
  expect(await times(sql)).toEqual([month(-1).toISOString().slice(0, 10)])
})

test('late events of dropped months are not refused', async ({ sql }) => {
  await grown(sql, 4)
  await cleanupOldAudits(sql, until(month(-1)))
  await entries(sql, 4)
  expect(await times(sql)).toHaveLength(5)
  const [home] =
    await sql`select (select relname from pg_class c where c.oid = a.tableoid) as name from catalog.storage_audit a where occurred_at = ${new Date(month(-2).getTime() + 9 * DAY)}`
  expect(home).toEqual({ name: 'storage_audit_past' })
})

test('a second cleanup finds nothing to do', async ({ sql }) => {
  await grown(sql, 3)
  await entries(sql, 3)
  await cleanupOldAudits(sql, until(month(-1)))
  expect(await cleanupOldAudits(sql, until(month(-1)))).toEqual({ droppedPartitions: [], deletedRows: 0 })
})

test('two simultaneous cleanups run one after the other', async ({ sql }) => {
  await grown(sql, 4)
  await entries(sql, 4)
  const reports = await Promise.all([cleanupOldAudits(sql, until(month(-1))), cleanupOldAudits(sql, until(month(-1)))])
  expect(reports.map(({ droppedPartitions }) => droppedPartitions.length).sort()).toEqual([0, 3])
})

test('entries are deleted in batches, without leaving any', async ({ sql }) => {
  await sql`insert into catalog.storage_audit (action, occurred_at) select 'UPLOAD', to_timestamp(n) from generate_series(0, 1004) as n`
  const report = await cleanupOldAudits(sql, { retentionDays: 365, batchSize: 100 })
  expect(report).toEqual({ droppedPartitions: [], deletedRows: 1005 })
})

test('a batch deletes at most its size', async ({ sql }) => {
  await logAudit(
    sql,
    [0, 1, 2].map(ms => ({ action: 'UPLOAD', occurredAt: new Date(ms) })),
  )
  const [batch] = await sql`select catalog.prune_audit_entries(now(), 2) as removed`
  expect([batch, await times(sql)]).toEqual([{ removed: 2 }, ['1970-01-01']])
})

test('partitions for three months ahead are created once', async ({ sql }) => {
  await sql.unsafe(`drop table catalog.${partition(2)}, catalog.${partition(3)}`)
  const made = await Promise.all(
    [1, 2, 3, 4].map(() => sql<{ name: string }[]>`select catalog.ensure_audit_partitions(3) as name`),
  )
  expect(made.flat().map(({ name }) => name)).toEqual([partition(2), partition(3)])
  await expect(sql.unsafe(`truncate catalog.${partition(3)}`)).rejects.toMatchObject({ code: '42501' })
})

describe('the next cleanup finishes one that was interrupted', () => {
  test('after the detach', async ({ sql }) => {
    await grown(sql, 3)
    await sql.unsafe(`alter table catalog.storage_audit detach partition catalog.${partition(-3)} concurrently`)
    await finished(sql)
  })

  test('during the detach', async ({ sql, database }) => {
    await grown(sql, 3)
    const reader = connect({ url: database.url, max: 1 })
    const pruner = connect({ url: database.url, max: 1 })
    await reader.begin(async tx => {
      await tx`select count(*) from catalog.storage_audit`
      const [{ pid }] = await pruner<[{ pid: number }]>`select pg_backend_pid() as pid`
      const detach = expect(
        pruner.unsafe(`alter table catalog.storage_audit detach partition catalog.${partition(-3)} concurrently`),
      ).rejects.toThrow()
      while (!(await pending(sql))) await sleep(5)
      await sql`select pg_terminate_backend(${pid})`
      await detach
    })
    expect(await pending(sql)).toBe(true)
    await finished(sql)
    await Promise.all([reader.end(), pruner.end({ timeout: 1 })])
  })

  test('after the drop', async ({ sql }) => {
    await grown(sql, 3)
    await sql.unsafe(`alter table catalog.storage_audit detach partition catalog.${partition(-3)} concurrently`)
    await sql.unsafe(`drop table catalog.${partition(-3)}`)
    await finished(sql)
  })

  async function finished(sql: Client) {
    await cleanupOldAudits(sql, until(month(-2)))
    expect(await partitions(sql)).toEqual([...[-2, -1, 0, 1, 2, 3].map(partition), 'storage_audit_past'])
    await entries(sql, 3)
    expect(await times(sql)).toHaveLength(4)
    expect(await sql`select from pg_class where relname = ${partition(-3)}`).toHaveLength(0)
  }

  async function pending(sql: Sql): Promise<boolean> {
    return (await sql`select from pg_inherits where inhdetachpending`).length > 0
  }
})

test('writers continue while a prune waits for a reader', async ({ sql, database }) => {
  await grown(sql, 4)
  await entries(sql, 4)
  await using ending = new AsyncDisposableStack()
  const reader = ending.use(await startReader(database.url))
  const pruner = connect({ url: database.url, max: 2 })
  const pruning = cleanupOldAudits(pruner, until(month(-1)))
  ending.defer(async () => {
    await Promise.allSettled([reader.end(), pruning])
    await pruner.end()
  })
  while (!(await isWaiting(sql))) await sleep(5)
  // The reader stays until these are written: a writer that waits for the prune gets no lock.
  for (let n = 0; n < 100; n++) {
    await sql.begin(async tx => {
      await tx`set local lock_timeout = '5s'`
      await logAudit(tx, { action: 'UPLOAD' })
    })
  }
  expect(await isWaiting(sql)).toBe(true)
  await reader.end()
  expect((await pruning).droppedPartitions).toHaveLength(3)
})

test('a reader in the way of the last step makes the cleanup wait and try again', async ({ sql, database }) => {
  await grown(sql, 3)
  await sql.unsafe(`alter table catalog.storage_audit detach partition catalog.${partition(-3)} concurrently`)
  await sql.unsafe(`drop table catalog.${partition(-3)}`)
  await using reader = await startReader(database.url)
  const pauses: number[] = []
  const clock: Clock = {
    now: () => 0,
    async sleep(milliseconds) {
      if (pauses.push(milliseconds) === 3) await reader.end()
    },
  }
  await cleanupOldAudits(sql, { ...until(month(-2)), clock, random: () => 0.5 })
  expect(pauses).toEqual([600, 600, 600])
  await entries(sql, 3)
  expect(await times(sql)).toHaveLength(4)
})

/** A transaction that has read the trail and stays open until `end`. */
async function startReader(url: string): Promise<{ end(): Promise<void>; [Symbol.asyncDispose](): Promise<void> }> {
  const sql = connect({ url, max: 1 })
  const [hasRead, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const reading = sql.begin(async tx => {
    await tx`select count(*) from catalog.storage_audit`
    hasRead.resolve()
    await mayEnd.promise
  })
  await hasRead.promise
  const end = async () => {
    mayEnd.resolve()
    await reading
  }
  return {
    end,
    async [Symbol.asyncDispose]() {
      await end()
      await sql.end()
    },
  }
}

async function isWaiting(sql: Sql): Promise<boolean> {
  const waiting = await sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'alter table%detach%'
  `
  return waiting.length > 0
}

test('a client with one connection is refused, because it would wait for itself', async ({ database }) => {
  const sql = connect({ url: database.url, max: 1 })
  await expect(cleanupOldAudits(sql, { retentionDays: 1 })).rejects.toThrow(
    'cleanupOldAudits needs a client with two connections',
  )
  await sql.end()
})
