import { type App, Stack } from 'aws-cdk-lib'
import type { DatabaseProxy } from 'aws-cdk-lib/aws-rds'
import { adoptedBucket } from './data/adopted-bucket.ts'
import { catalogBucket } from './data/bucket.ts'
import { type Database, database } from './data/database.ts'
import { type Network, network } from './data/network.ts'
import { proxy } from './data/proxy.ts'
import { type Queues, queues } from './data/queue.ts'
import { type People, userPool } from './data/user-pool.ts'
import { bucketName, prefixOf } from './names.ts'
import type { Options } from './options.ts'

/** The resources of the data stack that other parts use. */
export type Data = Queues & {
  stack: Stack
  bucketName: string
  /** With Cognito only. */
  people?: People
  /** Not on LocalStack. */
  aws?: Database & { network: Network; proxy: DatabaseProxy }
}

/** The stack of everything that must not be lost. */
export function dataStack(app: App, { stage, bucket: adopted, auth, inventoryBucket }: Options): Data {
  const stack = new Stack(app, `${prefixOf(stage)}-data`, {
    description: `Storage Catalog (${stage.name}): what must not be lost`,
    terminationProtection: stage.isProtected,
  })
  const both = queues(stack, stage)
  if (adopted) adoptedBucket(stack, stage, adopted, both)
  else catalogBucket(stack, stage, both.queue)
  const people = auth === 'cognito' ? userPool(stack, stage) : undefined
  const data = { stack, bucketName: adopted ?? bucketName(stage), people, ...both }
  if (!stage.aws) return data
  const net = network(stack, stage, stage.aws, { ...data, inventoryBucket })
  const instances = database(stack, stage, stage.aws.database, net)
  return { ...data, aws: { network: net, ...instances, proxy: proxy(stack, stage, instances.instance, net) } }
}
