import postgres from 'postgres'
import { type Clock, systemClock } from '../clock.ts'
import type { Client, Sql } from '../database/connection.ts'

/** What a cleanup removed: whole months, by the names of their partitions, and single entries. */
export type AuditCleanup = { droppedPartitions: string[]; deletedRows: number }

/**
 * How long entries are kept, in days. `batchSize` is the most rows of one DELETE, `now` the time to count back from. `clock` and `random`
 * are for the pauses between attempts to get a lock.
 */
export type AuditRetention = { retentionDays: number; batchSize?: number; now?: Date } & Partial<Pauses>

type Pauses = { clock: Clock; random: () => number }

/**
 * Removes audit entries that are older than the retention, while others write and read: whole months are detached
 * concurrently and dropped, the rest deleted in batches; partitions for the months ahead are created. One cleanup runs at a time; the next one
 * finishes what an interrupted one left. `sql` must be a client with two connections: DETACH CONCURRENTLY refuses a transaction.
 */
export async function cleanupOldAudits(sql: Client, retention: AuditRetention): Promise<AuditCleanup> {
  const { retentionDays, batchSize = 10_000, now = new Date(), clock = systemClock, random = Math.random } = retention
  const cutoff = new Date(now.getTime() - retentionDays * 24 * 60 * 60 * 1000)
  if (sql.options.max < 2) throw new Error('cleanupOldAudits needs a client with two connections')
  return sql.begin(async lock => {
    // A transaction of its own holds the lock: behind RDS Proxy session locks cannot be used.
    // The simple protocol: a portal of the extended one would keep its snapshot, and DETACH ... FINALIZE would wait for it.
    await lock`select pg_advisory_xact_lock(hashtextextended('cleanupOldAudits', 0))`.simple()
    await sql`select catalog.ensure_audit_partitions(3)`
    const late = await deleteRows(sql, new Date(Math.min(cutoff.getTime(), (await pastBound(sql)).getTime())), batchSize)
    const droppedPartitions = await dropMonths(sql, cutoff)
    await closeGap(sql, { clock, random })
    const rest = await deleteRows(sql, cutoff, batchSize)
    return { droppedPartitions, deletedRows: late + rest }
  })
}

/** `pending`: a concurrent detach was interrupted. `detached`: a drop was. */
type Month = { name: string; state: 'attached' | 'pending' | 'detached' }

async function dropMonths(sql: Sql, cutoff: Date): Promise<string[]> {
  const months = await sql<Month[]>`
    select c.relname as name,
      case when i.inhrelid is null then 'detached' when i.inhdetachpending then 'pending' else 'attached' end as state
    from pg_class parent
    join pg_class c on c.relnamespace = parent.relnamespace and c.relkind = 'r' and c.relname ~ '^storage_audit_\\d{4}_\\d{2}$'
    left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = parent.oid
    where parent.oid = 'catalog.storage_audit'::regclass
      and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= ${cutoff}::timestamptz at time zone 'utc'
    order by c.relname
  `
  for (const { name, state } of months) {
    const partition = sql(`catalog.${name}`)
    if (state === 'attached') await sql`alter table catalog.storage_audit detach partition ${partition} concurrently`
    if (state === 'pending') await sql`alter table catalog.storage_audit detach partition ${partition} finalize`
    await sql`drop table ${partition}`
  }
  return months.map(({ name }) => name)
}

/** Attempts to extend storage_audit_past: with the pauses about a minute, during which writers wait at most 5 s in total. */
const ATTEMPTS = 100

/** Extends storage_audit_past to the oldest month, so that a late event of a dropped month is not refused. */
async function closeGap(sql: Sql, { clock, random }: Pauses): Promise<void> {
  const [oldest] = await sql<{ bound: Date; name: string }[]>`
    select to_date(right(c.relname, 7), 'YYYY_MM')::timestamp at time zone 'utc' as bound
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'catalog.storage_audit'::regclass and c.relname ~ '^storage_audit_\\d{4}_\\d{2}$'
    order by c.relname
    limit 1
  `
  if (!oldest || oldest.bound <= (await pastBound(sql))) return
  for (let attempt = 1; ; attempt++) {
    try {
      await sql`select catalog.extend_past_partition(${oldest.bound})`
      return
    } catch (error) {
      if (!isLockTimeout(error) || attempt === ATTEMPTS) throw error
      await clock.sleep(200 + random() * 800)
    }
  }
}

/** The upper bound of storage_audit_past, exclusive. */
async function pastBound(sql: Sql): Promise<Date> {
  const [past] = await sql<{ bound: Date }[]>`
    select (regexp_match(pg_get_expr(relpartbound, oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz as bound
    from pg_class
    where oid = 'catalog.storage_audit_past'::regclass
  `
  if (!past) throw new Error('storage_audit_past is missing')
  return past.bound
}

async function deleteRows(sql: Sql, before: Date, batchSize: number): Promise<number> {
  for (let deleted = 0; ; ) {
    const [batch] = await sql<{ removed: number }[]>`select catalog.prune_audit_entries(${before}, ${batchSize}) as removed`
    const removed = batch?.removed ?? 0
    deleted += removed
    if (removed < batchSize) return deleted
  }
}

/** lock_not_available */
function isLockTimeout(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === '55P03'
}
