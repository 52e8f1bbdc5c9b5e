import { resolve } from 'node:path'
import type { Node } from 'constructs'
import { type Stage, stages } from './stages.ts'

/** What to deploy. */
export type Options = {
  stage: Stage
  /** An existing bucket to adopt; unset, a bucket is created. */
  bucket?: string
  /** ARN of the KMS key that the adopted bucket's objects are encrypted with. */
  bucketKey?: string
  /** Bucket of S3 Inventory reports that a backfill may read; the bucket of the catalog itself needs no entry. */
  inventoryBucket?: string
  auth: 'iam' | 'cognito'
  /** Gets the alarms. */
  alarmEmail?: string
  /** Folder of the migrations; unset, the repository's. */
  migrations?: string
  /** Address of Postgres for functions on LocalStack. */
  databaseUrl: string
}

/** The Postgres of docker-compose.localstack.yml, as functions reach it from their containers. */
const COMPOSE_DATABASE = 'postgres://catalog_owner:catalog@postgres:5432/catalog'

/** Reads the options from the context (`cdk deploy -c stage=prod -c bucket=docs`) and `DATABASE_URL` from the environment. Throws for unknown values. */
export function readOptions(node: Node, env: NodeJS.ProcessEnv = process.env): Options {
  const name = text(node, 'stage') ?? 'dev'
  const stage = Object.values(stages).find(each => each.name === name)
  if (!stage) throw new Error(`-c stage=${name}: one of ${Object.keys(stages).join(', ')}`)
  const auth = text(node, 'auth') ?? 'iam'
  if (auth !== 'iam' && auth !== 'cognito') throw new Error(`-c auth=${auth}: iam or cognito`)
  if (auth === 'cognito' && !stage.aws) throw new Error(`-c auth=cognito: the ${name} stage has no Cognito`)
  const migrations = text(node, 'migrations')
  return {
    stage,
    auth,
    bucket: text(node, 'bucket'),
    bucketKey: text(node, 'bucketKey'),
    inventoryBucket: text(node, 'inventoryBucket'),
    alarmEmail: text(node, 'alarmEmail'),
    migrations: migrations && resolve(migrations),
    databaseUrl: env.DATABASE_URL || COMPOSE_DATABASE,
  }
}

function text(node: Node, name: string): string | undefined {
  const value: unknown = node.tryGetContext(name)
  return value === undefined || value === '' ? undefined : String(value)
}
