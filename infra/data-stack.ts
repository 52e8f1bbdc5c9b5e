import { type App, Stack } from 'aws-cdk-lib'
import type { DatabaseInstance, DatabaseProxy } from 'aws-cdk-lib/aws-rds'
import { adoptedBucket } from './adopted-bucket.ts'
import { catalogBucket } from './bucket.ts'
import { database } from './database.ts'
import { bucketName, prefixOf } from './names.ts'
import { type Network, network } from './network.ts'
import type { Options } from './options.ts'
import { proxy } from './proxy.ts'
import { type Queues, queues } from './queue.ts'

/** What must not be lost, and what leads to it. */
export type Data = Queues & {
  stack: Stack
  bucketName: string
  /** Not on LocalStack. */
  aws?: { network: Network; database: DatabaseInstance; proxy: DatabaseProxy }
}

/** The stack of what must not be lost. */
export function dataStack(app: App, { stage, bucket: adopted }: Options): Data {
  const stack = new Stack(app, `${prefixOf(stage)}-data`, {
    description: `Storage Catalog (${stage.name}): what must not be lost`,
    terminationProtection: stage.isProtected,
  })
  const both = queues(stack, stage)
  if (adopted) adoptedBucket(stack, stage, adopted, both)
  else catalogBucket(stack, stage, both.queue)
  const parts = { stack, bucketName: adopted ?? bucketName(stage), ...both }
  if (!stage.aws) return parts
  const net = network(stack, stage, stage.aws, parts)
  const instance = database(stack, stage, stage.aws.database, net)
  return { ...parts, aws: { network: net, database: instance, proxy: proxy(stack, stage, instance, net) } }
}
