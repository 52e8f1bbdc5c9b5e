import { Aws, Duration, RemovalPolicy } from 'aws-cdk-lib'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { bucketArn, bucketName } from '../names.ts'
import type { Stage } from '../stages.ts'

/** Every type of event that changes the catalog. `ObjectAcl` changes only the audit trail. */
export const EVENT_TYPES = [
  's3:ObjectCreated:*',
  's3:ObjectRemoved:*',
  's3:ObjectRestore:*',
  's3:ObjectTagging:*',
  's3:ObjectAcl:Put',
  's3:LifecycleExpiration:*',
  's3:LifecycleTransition',
  's3:IntelligentTiering',
]

/** Creates the versioned bucket, which notifies the queue of each event. */
export function catalogBucket(scope: Construct, stage: Stage, queue: Queue): void {
  const name = bucketName(stage)
  const common = {
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    removalPolicy: stage.isProtected ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  }
  const logs = new Bucket(scope, 'AccessLogs', {
    ...common,
    bucketName: bucketName(stage, 'logs'),
    lifecycleRules: [{ expiration: Duration.days(stage.logDays), abortIncompleteMultipartUploadAfter: Duration.days(7) }],
  })
  const bucket = new Bucket(scope, 'Bucket', {
    ...common,
    bucketName: name,
    versioned: true,
    serverAccessLogsBucket: logs,
    serverAccessLogsPrefix: 'access/',
    lifecycleRules: [{ id: 'abandoned-uploads', abortIncompleteMultipartUploadAfter: Duration.days(7) }],
  })
  notify(bucket, name, queue)
}

/** As a property of the bucket: CDK's `addEventNotification` is a custom resource, which LocalStack does not run. */
function notify(bucket: Bucket, name: string, queue: Queue): void {
  queue.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('s3.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [queue.queueArn],
      conditions: {
        ArnEquals: { 'aws:SourceArn': bucketArn(name) },
        StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
      },
    }),
  )
  // S3 checks that it may send to the queue before it accepts the configuration.
  bucket.node.addDependency(queue)
  const resource = bucket.node.defaultChild as CfnBucket
  resource.notificationConfiguration = { queueConfigurations: EVENT_TYPES.map(event => ({ event, queue: queue.queueArn })) }
}
