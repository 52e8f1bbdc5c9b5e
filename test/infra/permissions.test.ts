import { beforeAll, describe, expect, test } from 'vitest'
import { DATABASE_ROLES } from '../../shared/database/roles.ts'
import { type Resource, type Synthesised, synthesised } from './stage.ts'

type Statement = { Effect: string; Action: string[]; Resource: string[]; Principal?: unknown; Condition?: unknown }

const names = ['localstack', 'prod', 'dev']
const stages: Record<string, Synthesised> = {}

beforeAll(async () => {
  for (const name of names) stages[name] = await synthesised(name)
})

describe.each(names)('%s', name => {
  test('allows no action with a wildcard', () => {
    const actions = stages[name]!.resources.flatMap(allowed).flatMap(({ Action }) => Action)
    expect(actions.length).toBeGreaterThan(20)
    expect(actions.filter(action => action.includes('*'))).toEqual([])
  })

  test('allows an action on everything only where AWS has no resource-level permission', () => {
    const policies = stages[name]!.resources.filter(({ Type }) => Type.startsWith('AWS::IAM::'))
    const broad = policies.flatMap(allowed).filter(({ Resource }) => Resource.includes('*'))
    const actions = [...new Set(broad.flatMap(({ Action }) => Action))].sort()
    const describes = name === 'localstack' ? [] : ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets']
    expect(actions).toEqual([...describes, 'xray:PutTelemetryRecords', 'xray:PutTraceSegments'])
  })

  test('gives each function a role of its own', () => {
    const functions = stages[name]!.of('AWS::Lambda::Function').map(({ Properties }) => Properties.Role)
    expect(new Set(functions).size).toBe(functions.length)
  })

  test('uses AWS managed policies only for API Gateway’s logs and CDK’s own function', () => {
    const managed = stages[name]!.of('AWS::IAM::Role').flatMap(({ Properties }) => Properties.ManagedPolicyArns ?? [])
    const expected = ['AmazonAPIGatewayPushToCloudWatchLogs', ...(name === 'localstack' ? [] : ['AWSLambdaBasicExecutionRole'])]
    expect(managed.map((arn: string) => arn.split('/').at(-1)).sort()).toEqual(expected.sort())
  })

  test('allows API Gateway to invoke one function, and each rule its target', () => {
    const permissions = stages[name]!.of('AWS::Lambda::Permission').map(({ Properties }) => Properties)
    expect(permissions.filter(({ Principal }) => Principal === 'apigateway.amazonaws.com')).toHaveLength(1)
    for (const { SourceArn } of permissions) expect(SourceArn).toBeDefined()
  })

  test('accepts messages for the queue only from this bucket of this account, over TLS', () => {
    const [policy] = stages[name]!.of('AWS::SQS::QueuePolicy').filter(({ id }) => id.startsWith('Queue'))
    const statements = policy!.Properties.PolicyDocument.Statement
    expect(statements).toHaveLength(2)
    expect(statements[0]).toMatchObject({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } })
    expect(statements[1]).toMatchObject({
      Effect: 'Allow',
      Principal: { Service: 's3.amazonaws.com' },
      Condition: {
        ArnEquals: { 'aws:SourceArn': `arn:<AWS::Partition>:s3:::storage-catalog-${name}-<AWS::AccountId>-<AWS::Region>` },
        StringEquals: { 'aws:SourceAccount': '<AWS::AccountId>' },
      },
    })
  })
})

test('only the API may change the bucket, and not delete a version', () => {
  for (const name of names) {
    const writes = (file: string) =>
      policiesOf(stages[name]!, file)
        .flatMap(({ Action }) => Action)
        .filter(action => /^s3:(?!Get|List)/.test(action))
    expect(writes('api').sort()).toEqual([
      's3:DeleteObject',
      's3:DeleteObjectTagging',
      's3:DeleteObjectVersionTagging',
      's3:PutObject',
      's3:PutObjectTagging',
      's3:PutObjectVersionTagging',
    ])
    for (const file of ['indexer', 'reconciler', 'pruner']) expect(writes(file), file).toEqual([])
  }
})

describe.each(['dev', 'prod'])('%s', name => {
  test.each(Object.entries(DATABASE_ROLES))('allows %s to sign in to the proxy as %s only', (file, user) => {
    expect(connects(stages[name]!, file)).toEqual([
      expect.stringMatching(
        new RegExp(`^arn:<AWS::Partition>:rds-db:.*:dbuser:<Select 6 <Split : <Proxy.*DBProxyArn.*>>>/${user}$`),
      ),
    ])
  })

  test('allows the migrator to sign in to the instance as the owner only', () => {
    expect(connects(stages[name]!, 'migrator')).toEqual([
      expect.stringMatching(/:dbuser:<Database.*DbiResourceId.*>\/catalog_owner$/),
    ])
  })

  test('allows the proxy to sign in as the roles of the functions, not as the owner', () => {
    const [role] = stages[name]!.of('AWS::IAM::Role').filter(({ id }) => id.startsWith('ProxyRole'))
    const users = allowed(role!).flatMap(({ Resource }) => Resource.map(arn => arn.split('/').at(-1)))
    expect(users.sort()).toEqual(Object.values(DATABASE_ROLES).sort())
  })

  test('denies the code of a function the network actions that Lambda needs', () => {
    const policies = stages[name]!.of('AWS::IAM::Policy').filter(({ Properties }) => /Role/.test(Properties.Roles[0]))
    const tied = policies.filter(policy => allowed(policy).some(({ Action }) => Action.includes('ec2:CreateNetworkInterface')))
    expect(tied).toHaveLength(5)
    for (const policy of tied) {
      const denied = statements(policy).filter(({ Effect }) => Effect === 'Deny')
      expect(denied).toHaveLength(1)
      expect(denied[0]!.Action).toEqual(expect.arrayContaining(['ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface']))
    }
  })

  test('allows only the calls of the functions through endpoints', () => {
    const endpoints = stages[name]!.of('AWS::EC2::VPCEndpoint').flatMap(endpoint => allowed(endpoint))
    const calls = endpoints.flatMap(({ Action }) => Action).sort()
    expect(calls).toEqual([
      'lambda:InvokeFunction',
      's3:DeleteObject',
      's3:DeleteObjectTagging',
      's3:DeleteObjectVersionTagging',
      's3:GetObject',
      's3:GetObjectTagging',
      's3:GetObjectVersion',
      's3:GetObjectVersionTagging',
      's3:ListBucket',
      's3:ListBucketVersions',
      's3:PutObjectTagging',
      's3:PutObjectVersionTagging',
      'sqs:SendMessage',
    ])
    expect(endpoints.flatMap(({ Resource }) => Resource)).not.toContain('*')
  })
})

function connects(stage: Synthesised, file: string): string[] {
  return policiesOf(stage, file)
    .filter(({ Action }) => Action.includes('rds-db:connect'))
    .flatMap(({ Resource }) => Resource)
}

/** What the role of a function is allowed. */
function policiesOf(stage: Synthesised, file: string): Statement[] {
  const [lambda] = stage.of('AWS::Lambda::Function').filter(({ Properties }) => Properties.FunctionName?.endsWith(`-${file}`))
  const role = lambda!.Properties.Role.replace('.Arn', '')
  return stage
    .of('AWS::IAM::Policy')
    .filter(({ Properties }) => Properties.Roles.includes(role))
    .flatMap(allowed)
}

function allowed(resource: Resource): Statement[] {
  return statements(resource).filter(({ Effect }) => Effect === 'Allow')
}

/** Of roles, policies, and whatever else has a policy. */
function statements({ Properties }: Resource): Statement[] {
  const inline = (Properties.Policies ?? []).map(({ PolicyDocument }: { PolicyDocument: unknown }) => PolicyDocument)
  const documents = [Properties.PolicyDocument, Properties.KeyPolicy, ...inline].filter(document => document !== undefined)
  return documents
    .flatMap(({ Statement }) => Statement)
    .map(({ Action, Resource, ...rest }) => ({ ...rest, Action: [Action].flat(), Resource: [Resource].flat() }))
}
