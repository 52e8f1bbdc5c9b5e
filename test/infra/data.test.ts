import { beforeAll, describe, expect, test } from 'vitest'
import { MAX_RECEIVES } from '../../shared/functions.ts'
import { type Synthesised, synthesised } from './stage.ts'

let dev: Synthesised
let prod: Synthesised
let adopted: Synthesised

beforeAll(async () => {
  adopted = await synthesised('dev', {
    bucket: 'docs',
    bucketKey: 'arn:aws:kms:eu-central-1:123456789012:key/docs',
    inventoryBucket: 'reports',
  })
  prod = await synthesised('prod', { auth: 'cognito' })
  dev = await synthesised('dev')
})

describe('the bucket', () => {
  const bucketOf = (stage: Synthesised) => stage.of('AWS::S3::Bucket').find(({ id }) => id.startsWith('Bucket'))!

  test('notifies the queue of every event type, as a property of the bucket, once the queue policy exists', () => {
    const { Properties, DependsOn } = bucketOf(prod)
    const configurations = Properties.NotificationConfiguration.QueueConfigurations
    expect(configurations.map(({ Event }: { Event: string }) => Event).sort()).toEqual([
      's3:IntelligentTiering',
      's3:LifecycleExpiration:*',
      's3:LifecycleTransition',
      's3:ObjectAcl:Put',
      's3:ObjectCreated:*',
      's3:ObjectRemoved:*',
      's3:ObjectRestore:*',
      's3:ObjectTagging:*',
    ])
    expect(new Set(configurations.map(({ Queue }: { Queue: string }) => Queue)).size).toBe(1)
    expect(DependsOn).toContainEqual(expect.stringContaining('QueuePolicy'))
    expect(prod.of('Custom::S3BucketNotifications')).toEqual([])
  })

  test('is versioned, encrypted and private, and removes abandoned uploads', () => {
    expect(bucketOf(prod).Properties).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      LifecycleConfiguration: { Rules: [{ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 }, Status: 'Enabled' }] },
    })
  })

  test('refuses requests without TLS', () => {
    const policies = prod.of('AWS::S3::BucketPolicy').map(({ Properties }) => Properties.PolicyDocument.Statement)
    expect(policies).toHaveLength(2)
    for (const statements of policies) {
      expect(statements).toContainEqual(
        expect.objectContaining({ Effect: 'Deny', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      )
    }
  })
})

describe('an adopted bucket', () => {
  test('is not created or changed, and gets no notifications', () => {
    expect(adopted.resources.filter(({ Type }) => Type.startsWith('AWS::S3::'))).toEqual([])
  })

  test('is followed by a rule of EventBridge that sends to the same queue', () => {
    const [rule] = adopted.of('AWS::Events::Rule').filter(({ Properties }) => Properties.EventPattern?.source[0] === 'aws.s3')
    expect(rule!.Properties.EventPattern.detail).toEqual({ bucket: { name: ['docs'] } })
    expect(rule!.Properties.Targets).toMatchObject([
      { Arn: expect.stringMatching(/^<Queue.*Arn>$/), DeadLetterConfig: { Arn: expect.stringMatching(/^<DeadLetters.*Arn>$/) } },
    ])
  })

  test('may have a KMS key, the only one that functions may use', () => {
    const statements = adopted.of('AWS::IAM::Policy').flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    const kms = statements.filter(({ Action }) => [Action].flat().some((action: string) => action.startsWith('kms:')))
    expect(kms.map(({ Resource }) => Resource)).toEqual(Array(3).fill('arn:aws:kms:eu-central-1:123456789012:key/docs'))
  })
})

describe('the queue', () => {
  test('hides a message for six timeouts of the indexer, and has the same maximum of deliveries as the indexer', () => {
    const [queue] = prod.of('AWS::SQS::Queue').filter(({ id }) => id.startsWith('Queue'))
    const [indexer] = prod.of('AWS::Lambda::Function').filter(({ id }) => id.startsWith('Indexer'))
    expect(queue!.Properties.VisibilityTimeout).toBeGreaterThanOrEqual(6 * indexer!.Properties.Timeout)
    expect(queue!.Properties.RedrivePolicy.maxReceiveCount).toBe(MAX_RECEIVES)
  })

  test('and its dead letters are encrypted, and kept for 14 days', () => {
    const queues = prod.of('AWS::SQS::Queue').map(({ Properties }) => Properties)
    expect(queues).toHaveLength(2)
    for (const queue of queues) expect(queue).toMatchObject({ SqsManagedSseEnabled: true, MessageRetentionPeriod: 14 * 86_400 })
  })
})

describe('the database', () => {
  test('has a master user that signs in with IAM, and no password', () => {
    for (const stage of [dev, prod]) {
      const [instance] = stage.of('AWS::RDS::DBInstance')
      expect(instance!.Properties).toMatchObject({
        MasterUsername: 'catalog_owner',
        MasterUserAuthenticationType: 'iam-db-auth',
        EnableIAMDatabaseAuthentication: true,
      })
      expect(Object.keys(instance!.Properties).filter(name => /Password|Secret/.test(name))).toEqual([])
    }
  })

  test('is encrypted, private, grows by itself, and accepts only TLS connections', () => {
    const [instance] = prod.of('AWS::RDS::DBInstance')
    expect(instance!.Properties).toMatchObject({
      StorageEncrypted: true,
      PubliclyAccessible: false,
      MaxAllocatedStorage: 1000,
      EnablePerformanceInsights: true,
    })
    const [parameters] = prod.of('AWS::RDS::DBParameterGroup')
    expect(parameters!.Properties.Family).toBe('postgres17')
    expect(parameters!.Properties.Parameters).toMatchObject({
      'rds.force_ssl': '1',
      shared_preload_libraries: 'pg_stat_statements',
    })
  })

  test('has no standby, replica or protection in dev, and all of them in prod', () => {
    const [cheap, ...none] = dev.of('AWS::RDS::DBInstance')
    expect(none).toEqual([])
    expect(cheap!.Properties).toMatchObject({ MultiAZ: false, DeletionProtection: false, BackupRetentionPeriod: 1 })
    const [safe, replica] = prod.of('AWS::RDS::DBInstance')
    expect(safe!.Properties).toMatchObject({ MultiAZ: true, DeletionProtection: true, BackupRetentionPeriod: 30 })
    expect(replica!.Properties.SourceDBInstanceIdentifier).toContain(safe!.id)
  })
})

describe('the proxy', () => {
  test('signs in with IAM on both sides, over TLS, and keeps no secret', () => {
    const [proxy] = prod.of('AWS::RDS::DBProxy')
    expect(proxy!.Properties).toMatchObject({ DefaultAuthScheme: 'IAM_AUTH', RequireTLS: true, EngineFamily: 'POSTGRESQL' })
    expect(proxy!.Properties.Auth).toBeUndefined()
  })
})

describe('the network', () => {
  test('has no route to the internet: no gateway, no NAT, no public subnet', () => {
    const ways = prod.resources.filter(({ Type }) => /InternetGateway|NatGateway|EC2::Route$|EC2::EIP/.test(Type))
    expect(ways).toEqual([])
    for (const { Properties } of prod.of('AWS::EC2::Subnet')) expect(Properties.MapPublicIpOnLaunch).toBe(false)
  })

  test('allows connections only between these security groups, without duplicate rules', () => {
    const rules = prod.of('AWS::EC2::SecurityGroupIngress').map(({ Properties }) => Properties)
    const paths = rules.map(({ SourceSecurityGroupId, GroupId }) => [SourceSecurityGroupId, GroupId].map(group))
    expect(paths.sort()).toEqual([
      ['Clients', 'Proxy'],
      ['Migrator', 'Database'],
      ['Proxy', 'Database'],
      ['Readers', 'Endpoints'],
      ['Readers', 'Proxy'],
    ])
  })

  test('lets the reconciler read S3 Inventory reports of the bucket that is named, and nobody else', () => {
    const reading = [...adopted.of('AWS::IAM::Policy'), ...adopted.of('AWS::EC2::VPCEndpoint')].filter(({ Properties }) =>
      JSON.stringify(Properties.PolicyDocument).includes(':s3:::reports/*'),
    )
    expect(reading.map(({ id }) => id.slice(0, 9)).sort()).toEqual(['NetworkS3', 'Reconcile'])
  })

  test('pays for interface endpoints in one zone in dev and in two in prod', () => {
    const zones = (stage: Synthesised) =>
      stage.of('AWS::EC2::VPCEndpoint').flatMap(({ Properties }) => Properties.SubnetIds?.length ?? [])
    expect([zones(dev), zones(prod)]).toEqual([
      [1, 1],
      [2, 2],
    ])
  })
})

describe('when the stack is deleted', () => {
  const lasting = ['AWS::S3::Bucket', 'AWS::RDS::DBInstance', 'AWS::Cognito::UserPool']

  test('prod keeps the bucket, the database and the user pool', () => {
    const kept = lasting.flatMap(type => prod.of(type)).filter(({ id }) => !id.startsWith('Replica'))
    expect(kept.map(({ DeletionPolicy }) => DeletionPolicy)).toEqual(Array(4).fill('Retain'))
  })

  test('dev deletes everything', () => {
    const kept = dev.resources.filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain')
    // The role for API Gateway's logs belongs to the account.
    expect(kept.map(({ Type }) => Type).sort()).toEqual(['AWS::ApiGateway::Account', 'AWS::IAM::Role'])
  })
})

function group(id: string): string | undefined {
  return /Network(\w+?)Group/.exec(id)?.[1]
}
