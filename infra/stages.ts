/** What differs between places to deploy to. Without `aws` there is no network, database or anything else that LocalStack lacks. */
export type Stage = {
  name: 'dev' | 'prod' | 'localstack'
  /** The bucket and the database outlive the stack, and nobody deletes them by mistake. */
  isProtected: boolean
  /** How long logs are kept, in days; one of the numbers that CloudWatch takes. */
  logDays: number
  /** How long the audit trail is kept, in days. */
  auditDays: number
  /** When the audit trail is pruned and the bucket compared. */
  prune: Clock
  reconcile: Clock
  /** Indexers that may run at once; Lambda takes 2 to 1,000. */
  maxIndexers: number
  /** Requests per second, how many may come at once, and how many are answered at once (unset: what the account has). */
  api: { rate: number; burst: number; concurrency?: number; hasFirewall: boolean }
  aws?: {
    /** Availability zones in which there are interface endpoints; each costs by the hour. */
    endpointZones: 1 | 2
    flowLogs: 'ALL' | 'REJECT'
    database: {
      instanceType: string
      /** Of the instance type. */
      memoryGiB: number
      /** Each takes about 5 MB of the memory. */
      maxConnections: number
      /** GiB to begin with, and at most. */
      storage: [from: number, to: number]
      isMultiAz: boolean
      hasReplica: boolean
      backupDays: number
      /** For one sort or hash of a query, in kB. */
      workMem: number
    }
  }
}

/** A schedule expression of EventBridge (UTC), and the most hours between two runs; the alarm on silence can't look back further than 7 days. */
export type Clock = { at: string; hours: number }

/** Every stage by its name; `cdk deploy -c stage=prod` picks one. */
export const stages: Record<Stage['name'], Stage> = {
  dev: {
    name: 'dev',
    isProtected: false,
    logDays: 14,
    auditDays: 90,
    prune: { at: 'cron(17 3 * * ? *)', hours: 24 },
    reconcile: { at: 'cron(47 3 ? * SUN,WED *)', hours: 96 },
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
    prune: { at: 'cron(17 3 * * ? *)', hours: 24 },
    reconcile: { at: 'cron(47 3 * * ? *)', hours: 24 },
    maxIndexers: 10,
    api: { rate: 200, burst: 400, concurrency: 50, hasFirewall: true },
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
    // Often enough for a test to see it.
    prune: { at: 'rate(1 minute)', hours: 1 },
    reconcile: { at: 'rate(1 day)', hours: 24 },
    maxIndexers: 2,
    api: { rate: 200, burst: 400, hasFirewall: false },
  },
}
