import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { AccountRootPrincipal, PolicyDocument, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'

/** The actions that policies of the account may allow on the key. */
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

/** The topic of the alarms: encrypted, TLS only. `email` gets them once its owner has confirmed the subscription. */
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
  // AWS's own key for SNS cannot be used: CloudWatch alarms have no access to it.
  const key = new Key(scope, 'Key', {
    description: 'Encrypts alarm messages',
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
  // The policy that requires TLS replaces SNS's default one, which would allow the alarms of the account.
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
