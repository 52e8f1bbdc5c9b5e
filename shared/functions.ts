import type { VariableName } from './environment.ts'
import type { MetricName } from './metrics.ts'

/** How often SQS delivers a message before it is dead. At the last delivery the indexer sends it to the dead-letter queue with a reason. */
export const MAX_RECEIVES = 5

/** What a Lambda function needs and may do. Adding a function takes one row here and one file in `functions/`. */
export type FunctionRow = {
  /** Memory in MiB. It buys processor time in proportion: 1,769 MiB are one core. */
  memory: number
  /** Seconds after which Lambda ends an invocation; at most 900. */
  timeout: number
  /** `deployment`: each deployment invokes it and waits for it before other functions are updated. */
  startedBy: 'queue' | 'api' | 'schedule' | 'deployment'
  /**
   * Database user, the endpoint it signs in to, and the size of the connection pool. `statementTimeout` are the seconds after which Postgres
   * ends a statement of that user (`migrations/0001_roles.sql`); the owner has no limit.
   */
  database: { user: string; endpoint: 'proxy' | 'instance'; connections: number; statementTimeout?: number }
  /** What its security group lets it connect to; services are S3, SQS and Lambda. */
  network: 'proxy' | 'proxy and services' | 'instance'
  /** `read`: listings, HEAD and tags. `write`: also puts and deletes of objects, not of their versions, and changes of tags. */
  bucket?: 'read' | 'write'
  /** Whether it may read the bucket of S3 Inventory reports, where the deployment names one. */
  readsInventory?: true
  /** Whether it may send messages to the dead-letter queue. */
  sendsDeadLetters?: true
  /** Functions that it may invoke. One that invokes itself may do so without end; Lambda stops chains of about 16 invocations otherwise. */
  invokes?: readonly FunctionName[]
  /** Variables that it requires, besides those of its database. */
  environment: readonly VariableName[]
  /** Its schedule rule. The stage has the time; `finished` is the metric of a complete run, `ifMissing` the text of the alarm without one. */
  schedule?: { name: string; does: string; finished: MetricName; ifMissing: string }
  /** Whether an alarm fires when an invocation takes 80 % of the timeout. */
  alarmsOnDuration: boolean
  /** Why it has no dead-letter queue of its own for failed asynchronous invocations. */
  whyNoDeadLetterQueue: string
  /** Files that its bundle has besides the code. */
  files?: readonly ('migrations' | 'RDS certificates')[]
}

const NEXT_RUN = 'A run that failed loses nothing: the next scheduled one does what it left, and an alarm reports the error.'

/** The Lambda functions, by the name of their file in `functions/`. */
export const FUNCTIONS = {
  indexer: {
    // TLS to S3 takes processor time.
    memory: 1024,
    timeout: 60,
    startedBy: 'queue',
    // The statements of a batch run one after the other.
    database: { user: 'catalog_indexer', endpoint: 'proxy', connections: 2, statementTimeout: 45 },
    network: 'proxy and services',
    bucket: 'read',
    sendsDeadLetters: true,
    environment: ['CATALOG_DEAD_LETTER_QUEUE_URL', 'CATALOG_S3_PATH_STYLE'],
    alarmsOnDuration: true,
    whyNoDeadLetterQueue: 'Invoked by an event source mapping, never asynchronously; its queue has a dead-letter queue.',
  },
  api: {
    // A cold start takes processor time.
    memory: 1024,
    // API Gateway waits 29 seconds.
    timeout: 29,
    startedBy: 'api',
    database: { user: 'catalog_api', endpoint: 'proxy', connections: 2, statementTimeout: 20 },
    network: 'proxy and services',
    // What S3 owns is written there, and URLs that it signs allow no more than its role.
    bucket: 'write',
    // It starts runs of the reconciler.
    invokes: ['reconciler'],
    environment: ['CATALOG_BUCKET', 'CATALOG_S3_PATH_STYLE', 'CATALOG_RECONCILER_FUNCTION'],
    alarmsOnDuration: true,
    whyNoDeadLetterQueue: 'Invoked synchronously by API Gateway only; the caller gets the error.',
  },
  pruner: {
    // It waits for Postgres.
    memory: 256,
    timeout: 900,
    startedBy: 'schedule',
    database: { user: 'catalog_pruner', endpoint: 'proxy', connections: 5, statementTimeout: 600 },
    network: 'proxy',
    environment: ['CATALOG_AUDIT_RETENTION_DAYS'],
    schedule: {
      name: 'prune',
      does: 'Removes audit entries older than the retention',
      finished: 'PrunesFinished',
      ifMissing:
        'The audit trail was not pruned when it was due: entries are kept too long, and partitions for the coming months may be missing.',
    },
    alarmsOnDuration: true,
    whyNoDeadLetterQueue: NEXT_RUN,
  },
  reconciler: {
    // TLS to S3 takes processor time.
    memory: 1024,
    timeout: 900,
    startedBy: 'schedule',
    database: { user: 'catalog_reconciler', endpoint: 'proxy', connections: 5, statementTimeout: 600 },
    network: 'proxy and services',
    bucket: 'read',
    readsInventory: true,
    // It continues in another invocation when its time is over.
    invokes: ['reconciler'],
    environment: ['CATALOG_BUCKET', 'CATALOG_RECONCILE_HOURS', 'CATALOG_REFRESH_DAYS', 'CATALOG_S3_PATH_STYLE'],
    schedule: {
      name: 'reconcile',
      does: 'Compares the bucket with the catalog and repairs the catalog',
      finished: 'ReconcilesFinished',
      ifMissing: 'No reconcile finished when it was due: lost events would go unnoticed.',
    },
    // It stops in time by itself.
    alarmsOnDuration: false,
    whyNoDeadLetterQueue:
      'A failed run keeps its checkpoint and its error, where callers of the API see them, and an alarm reports the error; the next scheduled run continues it.',
  },
  migrator: {
    // It waits for Postgres.
    memory: 512,
    timeout: 900,
    startedBy: 'deployment',
    // Its user is the owner, whom the proxy does not let in.
    database: { user: 'catalog_owner', endpoint: 'instance', connections: 2 },
    network: 'instance',
    environment: [],
    // Some migrations take long.
    alarmsOnDuration: false,
    whyNoDeadLetterQueue: 'Invoked synchronously by the deployment only, which fails with it.',
    // The certificate of the instance is signed by an authority of RDS, that of the proxy by one that Node trusts.
    files: ['migrations', 'RDS certificates'],
  },
} as const satisfies Record<string, Omit<FunctionRow, 'invokes'> & { invokes?: readonly string[] }>

/** The name of a function: that of its file in `functions/`. */
export type FunctionName = keyof typeof FUNCTIONS

/** Functions that are started in one of these ways. */
export type StartedBy<Way extends FunctionRow['startedBy']> = {
  [Name in FunctionName]: (typeof FUNCTIONS)[Name]['startedBy'] extends Way ? Name : never
}[FunctionName]

/** Variables that some function requires. */
export type FunctionVariable = (typeof FUNCTIONS)[FunctionName]['environment'][number]

/** The names of all functions, or of those that are started in one of these ways. */
export function functionNames(): FunctionName[]
export function functionNames<Way extends FunctionRow['startedBy']>(...ways: Way[]): StartedBy<Way>[]
export function functionNames(...ways: FunctionRow['startedBy'][]): FunctionName[] {
  const names = Object.keys(FUNCTIONS) as FunctionName[]
  return ways.length === 0 ? names : names.filter(name => ways.includes(FUNCTIONS[name].startedBy))
}

/** The row of a function, with what only some rows have. */
export function functionRow(name: FunctionName): FunctionRow {
  return FUNCTIONS[name]
}
