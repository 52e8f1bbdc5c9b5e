import { Duration } from 'aws-cdk-lib'
import { SubnetType } from 'aws-cdk-lib/aws-ec2'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Architecture, Code, Function as Lambda, RecursiveLoop, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda'
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources'
import type { Construct } from 'constructs'
import type { DATABASE_ROLES } from '../../shared/database/roles.ts'
import { acknowledge } from '../acknowledge.ts'
import { INDEXER_TIMEOUT, MAX_RECEIVES } from '../data/queue.ts'
import type { Data } from '../data-stack.ts'
import { type FunctionName, functionArn, functionName } from '../names.ts'
import type { Options } from '../options.ts'
import { allowPresigning, allowReads } from './bucket-access.ts'
import { bundle } from './bundle.ts'
import { allowConnect, databaseEnvironment } from './database-access.ts'
import { logGroup } from './log-group.ts'
import { functionRole } from './role.ts'

/** Every Lambda but the migrator, by the name of its file in `functions/`. */
export type Functions = Record<keyof typeof DATABASE_ROLES, Lambda>

/**
 * Memory in MiB, which buys processor time in proportion (1,769 are one core), and the timeout in seconds. The API's cold start and the
 * indexer's and reconciler's TLS to S3 are work for a processor; the pruner and the migrator wait for Postgres.
 */
const SIZES: Record<FunctionName, { memorySize: number; seconds: number }> = {
  indexer: { memorySize: 1024, seconds: INDEXER_TIMEOUT },
  // API Gateway waits 29 seconds.
  api: { memorySize: 1024, seconds: 29 },
  pruner: { memorySize: 256, seconds: 900 },
  // It goes on in another invocation when its time is over.
  reconciler: { memorySize: 1024, seconds: 900 },
  migrator: { memorySize: 512, seconds: 900 },
}

/** The functions, each with a role, a log group and a database role of its own. */
export function functions(scope: Construct, options: Options, data: Data): Functions {
  const { stage } = options
  const indexer = lambda(scope, options, data, 'indexer', {
    DEAD_LETTER_QUEUE_URL: data.deadLetters.queueUrl,
    MAX_RECEIVES: String(MAX_RECEIVES),
    // A batch is one statement after the other.
    DATABASE_POOL: '2',
  })
  allowReads(indexer, data, options)
  data.deadLetters.grantSendMessages(indexer)
  indexer.addEventSource(
    new SqsEventSource(data.queue, {
      // A batch costs two round trips to the database, however many events are in it.
      batchSize: 100,
      maxBatchingWindow: Duration.seconds(1),
      reportBatchItemFailures: true,
      // In place of reserved concurrency, which would throttle, and each throttled batch counts as received.
      maxConcurrency: stage.maxIndexers,
    }),
  )

  acknowledge(indexer, {
    'Serverless-LambdaEventSourceMappingDestination':
      'SQS sources take no destination: what fails stays in the queue, whose redrive policy and the indexer itself send it to the dead-letter queue.',
  })

  const api = lambda(scope, options, data, 'api', { CATALOG_BUCKET: data.bucketName, DATABASE_POOL: '2' })
  allowPresigning(api, data, options)

  const pruner = lambda(scope, options, data, 'pruner', { CATALOG_AUDIT_RETENTION_DAYS: String(stage.auditDays) })

  const reconciler = lambda(scope, options, data, 'reconciler', { CATALOG_BUCKETS: data.bucketName })
  allowReads(reconciler, data, options)
  reconciler.addToRolePolicy(
    new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [functionArn(scope, stage, 'reconciler')] }),
  )
  return { indexer, api, pruner, reconciler }
}

/** One function, with what all of them have. */
export function lambda(
  scope: Construct,
  options: Options,
  data: Data,
  name: FunctionName,
  environment: Record<string, string>,
): Lambda {
  const { stage, migrations } = options
  const id = idOf(name)
  const logs = logGroup(scope, `${id}Logs`, stage, `/aws/lambda/${functionName(stage, name)}`)
  const { memorySize, seconds } = SIZES[name]
  const lambda = new Lambda(scope, id, {
    functionName: functionName(stage, name),
    description: `Storage Catalog (${stage.name}): functions/${name}.ts`,
    code: Code.fromAsset(bundle(name, migrations)),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize,
    timeout: Duration.seconds(seconds),
    role: functionRole(scope, `${id}Role`, stage, name, logs),
    logGroup: logs,
    tracing: Tracing.ACTIVE,
    reservedConcurrentExecutions: name === 'api' ? stage.api.concurrency : undefined,
    recursiveLoop: name === 'reconciler' ? RecursiveLoop.ALLOW : undefined,
    environment: {
      ...(stage.aws ? {} : { S3_FORCE_PATH_STYLE: 'true' }),
      ...databaseEnvironment(name, options, data),
      ...environment,
    },
    ...(data.aws && {
      vpc: data.aws.network.vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      securityGroups: [data.aws.network.groups[GROUPS[name]]],
    }),
  })
  if (data.aws) allowConnect(lambda, name, data.aws)
  acknowledge(lambda, { 'Serverless-LambdaDLQ': WHY_NO_DEAD_LETTERS[name] })
  return lambda
}

const GROUPS: Record<FunctionName, 'clients' | 'readers' | 'migrator'> = {
  indexer: 'readers',
  api: 'clients',
  pruner: 'clients',
  reconciler: 'readers',
  migrator: 'migrator',
}

const NEXT_RUN =
  'A run that failed is lost without harm: the next scheduled one does what it left, and an alarm tells of the error.'

const WHY_NO_DEAD_LETTERS: Record<FunctionName, string> = {
  indexer: 'Invoked by an event source mapping, never asynchronously; its queue has a dead-letter queue.',
  api: 'Invoked synchronously by API Gateway only; the caller gets the error.',
  pruner: NEXT_RUN,
  reconciler: NEXT_RUN,
  migrator: 'Invoked synchronously by the deployment only, which fails with it.',
}

function idOf(name: FunctionName): string {
  return name.replaceAll(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase())
}
