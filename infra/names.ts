import { ArnFormat, Aws, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { DATABASE_ROLES } from '../shared/database/roles.ts'
import type { Stage } from './stages.ts'

/** A Lambda by the name of its file in `functions/`. */
export type FunctionName = keyof typeof DATABASE_ROLES | 'migrator'

/** What each name of a stage begins with. Fixed names let a part be named before it is there: no circles between policies. */
export function prefixOf(stage: Stage): string {
  return `storage-catalog-${stage.name}`
}

/** Name of a function of a stage. */
export function functionName(stage: Stage, name: FunctionName): string {
  return `${prefixOf(stage)}-${name}`
}

/** ARN of a function of a stage, whether it is there yet or not. */
export function functionArn(scope: Construct, stage: Stage, name: FunctionName): string {
  const resourceName = functionName(stage, name)
  return Stack.of(scope).formatArn({
    service: 'lambda',
    resource: 'function',
    resourceName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })
}

/** Name of a bucket that a stage makes: names of buckets are the world's, so it holds the account and the region. */
export function bucketName(stage: Stage, purpose?: string): string {
  return [prefixOf(stage), purpose, Aws.ACCOUNT_ID, Aws.REGION].filter(Boolean).join('-')
}

/** ARN of a bucket by its name. */
export function bucketArn(name: string): string {
  return `arn:${Aws.PARTITION}:s3:::${name}`
}
