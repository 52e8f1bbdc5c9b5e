import { ArnFormat, Aws, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { FunctionName } from '../shared/functions.ts'
import type { Stage } from './stages.ts'

/** What each name of a stage begins with. Fixed names allow a policy to name a resource that does not exist yet, so policies form no cycles. */
export function prefixOf(stage: Stage): string {
  return `storage-catalog-${stage.name}`
}

/** Name of a function of a stage. */
export function functionName(stage: Stage, name: FunctionName): string {
  return `${prefixOf(stage)}-${name}`
}

/** ARN of a function of a stage, whether it exists yet or not. */
export function functionArn(scope: Construct, stage: Stage, name: FunctionName): string {
  const resourceName = functionName(stage, name)
  return Stack.of(scope).formatArn({
    service: 'lambda',
    resource: 'function',
    resourceName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })
}

/** The name of a function as constructs and outputs have it: with a capital. */
export function constructId(name: FunctionName): string {
  return name.replaceAll(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase())
}

/** Name of a bucket that a stage creates. Bucket names are unique in the world, so it contains the account and the region. */
export function bucketName(stage: Stage, purpose?: string): string {
  return [prefixOf(stage), purpose, Aws.ACCOUNT_ID, Aws.REGION].filter(Boolean).join('-')
}

/** ARN of a bucket by its name. */
export function bucketArn(name: string): string {
  return `arn:${Aws.PARTITION}:s3:::${name}`
}
