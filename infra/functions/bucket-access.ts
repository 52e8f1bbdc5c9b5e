import { Stack } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import { acknowledge } from '../acknowledge.ts'
import { LIST_ACTIONS, READ_ACTIONS, WRITE_ACTIONS } from '../bucket-actions.ts'
import type { Data } from '../data-stack.ts'
import { bucketArn } from '../names.ts'
import type { Options } from '../options.ts'

/** Allows a function to read S3: listings, HEAD and tags, of all versions. */
export function allowReads(lambda: Lambda, { bucketName }: Data, options: Options): void {
  allow(lambda, LIST_ACTIONS, bucketArn(bucketName))
  onObjects(lambda, READ_ACTIONS, bucketName)
  useKey(lambda, ['kms:Decrypt'], options)
}

/**
 * Allows a function to put objects, to delete them and to change the tags of their versions. A versioned bucket keeps what is deleted: deleting
 * a version is not allowed.
 */
export function allowWrites(lambda: Lambda, { bucketName }: Data, options: Options): void {
  onObjects(lambda, ['s3:PutObject', ...WRITE_ACTIONS], bucketName)
  useKey(lambda, ['kms:GenerateDataKey'], options)
}

/** Allows a function to read S3 Inventory reports, if the deployment names their bucket. */
export function allowInventory(lambda: Lambda, { inventoryBucket }: Options): void {
  if (inventoryBucket) onObjects(lambda, ['s3:GetObject'], inventoryBucket)
}

function onObjects(lambda: Lambda, actions: string[], bucketName: string): void {
  const objects = `${bucketArn(bucketName)}/*`
  allow(lambda, actions, objects)
  acknowledge(lambda.role!, {
    [`AwsSolutions-IAM5[Resource::${resolvedText(lambda, objects)}]`]:
      'Objects of the one bucket of the catalog; their keys are not known in advance.',
  })
}

function useKey(lambda: Lambda, actions: string[], { bucketKey }: Options): void {
  if (bucketKey) allow(lambda, actions, bucketKey)
}

function allow(lambda: Lambda, actions: string[], resource: string): void {
  lambda.addToRolePolicy(new PolicyStatement({ actions, resources: [resource] }))
}

/** A text as cdk-nag prints it: a reference is its name in angle brackets. */
function resolvedText(lambda: Lambda, text: string): string {
  const resolved: string | { 'Fn::Join': [string, (string | { Ref: string })[]] } = Stack.of(lambda).resolve(text)
  if (typeof resolved === 'string') return resolved
  return resolved['Fn::Join'][1].map(part => (typeof part === 'string' ? part : `<${part.Ref}>`)).join('')
}
