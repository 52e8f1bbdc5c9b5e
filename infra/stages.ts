import type { FunctionName, StartedBy } from '../shared/functions.ts'

/** What differs between stages. Without `aws` there is no network, database or anything else that LocalStack lacks. */
export type Stage = {
  name: 'dev' | 'prod' | 'localstack'
  /** Whether the bucket and the database are kept when the stack is deleted, and protected against it. */
  isProtected: boolean
  /** How long logs are kept, in days; one of the numbers that CloudWatch allows. */
  logDays: number
  /** How long the audit trail is kept, in days. */
  auditDays: number
  /** S3 is asked about the metadata and tags of every version again within so many days, 2 to 365. */
  refreshDays: number
  /** When functions run that have a schedule. */
  schedules: Record<StartedBy<'schedule'>, Clock>
  /** Indexers that may run at once; Lambda allows 2 to 1,000. */
  maxIndexers: number
  /** Invocations that may run at once, reserved for a function; unset, what the account has left. */
  reservedConcurrency?: Partial<Record<FunctionName, number>>
  /** Requests per second, and the burst on top. */
  api: { rate: number; burst: number; hasFirewall: boolean }
  aws?: {
    /** Availability zones with interface endpoints; each costs by the hour. */
    endpointZones: 1 | 2
    flowLogs: 'ALL' | 'REJECT'
    database: {
      instanceType: string
      /** Of the instance type. */
      memoryGiB: number
      /** Each takes about 5 MB of the memory. */
      maxConnections: number
      /** GiB at the start, and at most. */
      storage: [from: number, to: number]
      isMultiAz: boolean
      hasReplica: boolean
      backupDays: number
      /** For one sort or hash of a query, in kB. */
      workMem: number
    }
  }
}

/** A schedule expression of EventBridge (UTC), and the longest time between two runs in hours; the alarm on missing runs can look back 7 days at most. */
export type Clock = { at: string; hours: number }

/** Every stage by its name; `cdk deploy -c stage=prod` picks one. */
export const stages: Record<Stage['name'], Stage> = {
  dev: {
    name: 'dev',
    isProtected: false,
    logDays: 14,
    auditDays: 90,
    refreshDays: 30,
    schedules: {
      pruner: { at: 'cron(17 3 * * ? *)', hours: 24 },
      reconciler: { at: 'cron(47 3 ? * SUN,WED *)', hours: 96 },
    },
    maxIndexers: 2,
    api: { rate: 20, burst: 40, hasFirewall: false },
    aws: {
      endpointZones: 1,
      flowLogs: 'REJECT',
      database: {
        instanceType: 't4g.micro',
        memoryGiB: 1,
        maxConnections: 60,
        storage: [20, 100],
        isMultiAz: false,
        hasReplica: false,
        backupDays: 1,
        workMem: 4096,
      },
    },
  },
  prod: {
    name: 'prod',
    isProtected: true,
    logDays: 365,
    auditDays: 730,
    refreshDays: 30,
    schedules: {
      pruner: { at: 'cron(17 3 * * ? *)', hours: 24 },
      reconciler: { at: 'cron(47 3 * * ? *)', hours: 24 },
    },
    maxIndexers: 10,
    reservedConcurrency: { api: 50 },
    api: { rate: 200, burst: 400, hasFirewall: true },
    aws: {
      endpointZones: 2,
      flowLogs: 'ALL',
      database: {
        instanceType: 'm7g.large',
        memoryGiB: 8,
        maxConnections: 400,
        storage: [100, 1000],
        isMultiAz: true,
        hasReplica: true,
        backupDays: 30,
        workMem: 16384,
      },
    },
  },
  localstack: {
    name: 'localstack',
    isProtected: false,
    logDays: 1,
    auditDays: 30,
    refreshDays: 30,
    schedules: {
      // Often enough for a test to wait for it.
      pruner: { at: 'rate(1 minute)', hours: 1 },
      reconciler: { at: 'rate(1 day)', hours: 24 },
    },
    maxIndexers: 2,
    api: { rate: 200, burst: 400, hasFirewall: false },
  },
}
