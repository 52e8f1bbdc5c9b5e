import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { AccountRootPrincipal, PolicyDocument, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'

/** What the account may allow its people by its own policies. */
const KEEP_KEY = [
  'kms:CancelKeyDeletion',
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:DisableKey',
  'kms:DisableKeyRotation',
  'kms:EnableKey',
  'kms:EnableKeyRotation',
  'kms:GenerateDataKey',
  'kms:GetKeyPolicy',
  'kms:GetKeyRotationStatus',
  'kms:ListResourceTags',
  'kms:PutKeyPolicy',
  'kms:ScheduleKeyDeletion',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:UpdateKeyDescription',
]

/** Where alarms go, encrypted and over TLS only; to `email` where there is one, once its owner has confirmed. */
export function alarmTopic(scope: Construct, email?: string): Topic {
  const { account } = Stack.of(scope)
  const alarms = Stack.of(scope).formatArn({
    service: 'cloudwatch',
    resource: 'alarm',
    resourceName: '*',
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })
  const forAlarms = (actions: string[], resource: string) =>
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions,
      resources: [resource],
      conditions: { StringEquals: { 'aws:SourceAccount': account }, ArnLike: { 'aws:SourceArn': alarms } },
    })
  // AWS's own key for SNS can't be used: it lets no CloudWatch alarm in.
  const key = new Key(scope, 'Key', {
    description: 'Encrypts alarms on their way to people',
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.DESTROY,
    policy: new PolicyDocument({
      statements: [
        new PolicyStatement({ principals: [new AccountRootPrincipal()], actions: KEEP_KEY, resources: ['*'] }),
        forAlarms(['kms:Decrypt', 'kms:GenerateDataKey'], '*'),
      ],
    }),
  })
  const topic = new Topic(scope, 'Topic', { displayName: 'Storage Catalog', masterKey: key, enforceSSL: true })
  // The policy that demands TLS takes the place of SNS's own, which would let the alarms of the account in.
  topic.addToResourcePolicy(forAlarms(['sns:Publish'], topic.topicArn))
  if (email) subscribe(topic, email)
  return topic
}

function subscribe(topic: Topic, email: string): void {
  topic.addSubscription(new EmailSubscription(email))
  acknowledge(topic, {
    'Serverless-SNSRedrivePolicy':
      'An alarm whose mail cannot be delivered keeps its state and its history in CloudWatch, where the dashboard shows both.',
  })
}
