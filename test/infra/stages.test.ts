import type { Stack } from 'aws-cdk-lib'
import { Queue } from 'aws-cdk-lib/aws-sqs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Data } from '../../infra/data-stack.ts'
import { functionEnvironment } from '../../infra/functions/environment.ts'
import type { Options } from '../../infra/options.ts'
import { stages as STAGES } from '../../infra/stages.ts'
import { type Synthesised, stageApp, synthesised, synthesisedAgain } from './stage.ts'

const names = ['localstack', 'prod', 'dev']
const stages: Record<string, Synthesised> = {}

beforeAll(async () => {
  for (const name of names) stages[name] = await synthesised(name)
})

describe.each(names)('%s', name => {
  test('has no finding or warning of cdk-nag without a reason', () => {
    expect(stages[name]!.report.pluginReports).toEqual([])
  })

  test('contains no account and no region, so that synthesis needs no lookups', () => {
    const text = JSON.stringify([stages[name]!.data, stages[name]!.app])
    expect(text.match(/[:"]\d{12}[:"]|(us|eu|ap)-(east|west|central|north|south)\w*-\d/)).toBeNull()
  })

  test('has outputs with the addresses and names of its parts', () => {
    const outputs = Object.keys(stages[name]!.app.Outputs ?? {})
    const everywhere = [
      'Api',
      'ApiId',
      'ApiUrl',
      'Bucket',
      'DeadLetterQueueUrl',
      'Indexer',
      'Migrator',
      'Pruner',
      'QueueUrl',
      'Reconciler',
    ]
    const onAws = name === 'localstack' ? [] : ['Database', 'DatabaseProxy', ...(name === 'prod' ? ['DatabaseReplica'] : [])]
    expect(outputs.sort()).toEqual([...everywhere, ...onAws].sort())
  })
})

test('a finding without a reason fails synthesis', () => {
  const app = stageApp('localstack')
  new Queue(app.node.findChild('storage-catalog-localstack-data') as Stack, 'Naked')
  expect(() => app.synth()).toThrow('AwsSolutions-SQS4')
})

test('synthesising twice gives equal templates, bundles included', () => {
  const again = synthesisedAgain('prod')
  expect(again.data).toEqual(stages.prod!.data)
  expect(again.app).toEqual(stages.prod!.app)
})

test.each(['dev', 'prod'])('%s contains no secret, no password and no address of a database', name => {
  const { resources, data, app } = stages[name]!
  expect(resources.filter(({ Type }) => /Secret|SSM::Parameter/.test(Type))).toEqual([])
  expect(JSON.stringify([data, app])).not.toMatch(
    /DATABASE_URL|postgres:\/\/|MasterUserPassword|MasterUserSecret|resolve:(secretsmanager|ssm)/,
  )
})

test('localstack uses only resources of the free edition', () => {
  const used = new Set(stages.localstack!.resources.map(({ Type }) => Type))
  const lacking = [...used].filter(type =>
    /::(EC2|RDS|Scheduler|Cognito|ApiGatewayV2|WAFv2)::|Dashboard|MetricFilter|^Custom::|CustomResource/.test(type),
  )
  expect(lacking).toEqual([])
})

test('localstack has the same functions, queues, bucket, API and rules as dev', () => {
  const count = (name: string) =>
    ['AWS::S3::Bucket', 'AWS::SQS::Queue', 'AWS::ApiGateway::Method', 'AWS::Events::Rule', 'AWS::Lambda::EventSourceMapping'].map(
      type => stages[name]!.of(type).length,
    )
  expect(count('localstack')).toEqual(count('dev'))
  const functions = (name: string) =>
    stages[name]!.of('AWS::Lambda::Function').flatMap(
      ({ Properties }) => Properties.FunctionName?.replace(`-${name}-`, '-') ?? [],
    )
  expect(functions('localstack').sort()).toEqual(functions('dev').sort())
})

test('functions on localstack connect to an address, and act as a role of their own', () => {
  const environments = stages.localstack!.of('AWS::Lambda::Function').map(({ Properties }) => Properties.Environment.Variables)
  expect(environments.map(({ DATABASE_ROLE }) => DATABASE_ROLE).sort()).toEqual([
    'catalog_api',
    'catalog_indexer',
    'catalog_pruner',
    'catalog_reconciler',
    undefined,
  ])
  for (const { DATABASE_URL } of environments) expect(DATABASE_URL).toMatch(/^postgres:/)
})

test('a stage whose reconciles are too rare for its refreshDays is refused', () => {
  const stage = { ...STAGES.localstack, refreshDays: 1 }
  const options = { stage, databaseUrl: 'postgres://localhost/catalog' } as Options
  expect(() => functionEnvironment('reconciler', options, { bucketName: 'docs' } as Data)).toThrow(
    'A reconcile every 24 hours, which may take 6, cannot ask about every version within 1 days',
  )
})

test('an unknown stage or auth, and Cognito on localstack, are refused', () => {
  expect(() => stageApp('production')).toThrow('-c stage=production: one of dev, prod, localstack')
  expect(() => stageApp('dev', { auth: 'none' })).toThrow('-c auth=none: iam or cognito')
  expect(() => stageApp('localstack', { auth: 'cognito' })).toThrow('no Cognito')
})
