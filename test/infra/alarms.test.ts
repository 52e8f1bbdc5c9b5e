import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { App, Duration, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { RestApi } from 'aws-cdk-lib/aws-apigateway'
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda'
import { DatabaseInstance, DatabaseProxy } from 'aws-cdk-lib/aws-rds'
import { Queue } from 'aws-cdk-lib/aws-sqs'
import { beforeAll, describe, expect, test } from 'vitest'
import { Alarms, type Monitored } from '../../infra/monitoring/alarms.ts'
import { dashboard } from '../../infra/monitoring/dashboard.ts'
import { METRIC_UNITS } from '../../shared/metrics.ts'
import { synthesised } from './stage.ts'

const RUNBOOK = readFileSync(join(import.meta.dirname, '../../docs/operate.md'), 'utf8')

/** Tasks that no alarm asks for; every other section of the runbook is an alarm's. */
const TASKS = ['redrive', 'deleted-bucket', 'backup-and-restore', 'failover', 'upgrade', 'passwords', 'scale']

type Properties = {
  AlarmName: string
  AlarmDescription: string
  AlarmActions: object[]
  OKActions: object[]
  TreatMissingData: string
  EvaluationPeriods: number
  Threshold: number
  Period?: number
}

let template: Template
let alarms: Properties[]

beforeAll(() => {
  template = watchedTemplate('alerts@example.com')
  alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties)
})

describe('every alarm', () => {
  test('links to its section of the runbook, and every section belongs to an alarm or is a task', () => {
    const sections = [...RUNBOOK.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replaceAll(' ', '-'))
    const links = alarms.map(({ AlarmDescription }) => /docs\/operate\.md#([\w-]+)$/.exec(AlarmDescription)?.[1])
    expect([...new Set([...links, ...TASKS])].sort()).toEqual(sections.sort())
  })

  test('says in words what it means before it links', () => {
    for (const { AlarmDescription } of alarms) {
      expect(AlarmDescription).toMatch(/^[A-Z].{30,}\. docs\/operate\.md#/)
      expect(AlarmDescription.length).toBeLessThanOrEqual(1024)
    }
  })

  test('notifies the topic when it fires and when it is over', () => {
    for (const { AlarmActions, OKActions } of alarms) {
      expect(AlarmActions).toHaveLength(1)
      expect(OKActions).toEqual(AlarmActions)
    }
  })

  test('has a name of its own that begins with the stack', () => {
    const names = alarms.map(({ AlarmName }) => AlarmName)
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^watched-/)
  })

  test('that looks back hours stays within the week that CloudWatch allows', () => {
    for (const { EvaluationPeriods, Period = 60 } of alarms) {
      expect(EvaluationPeriods * Period).toBeLessThanOrEqual(Period >= 3600 ? 7 * 86_400 : 86_400)
    }
  })
})

test('only runs that are due alarm on missing data', () => {
  const alarming = alarms.filter(({ TreatMissingData }) => TreatMissingData === 'breaching').map(({ AlarmName }) => AlarmName)
  expect(alarming.sort()).toEqual(['watched-prune-missing', 'watched-reconcile-missing'])
})

test('thresholds follow the sizes of the database and the timeouts of the functions', () => {
  const threshold = (name: string) => alarms.find(({ AlarmName }) => AlarmName === `watched-${name}`)?.Threshold
  expect({
    connections: threshold('database-connections'),
    storage: threshold('database-storage'),
    memory: threshold('database-memory'),
    api: threshold('function-duration-api'),
    reconciler: threshold('function-duration-reconciler'),
  }).toEqual({ connections: 80, storage: 1024 ** 3, memory: 107_374_182, api: 23_200, reconciler: undefined })
})

describe('the topic of the alarms', () => {
  test('accepts alarms of this account over TLS only, and is encrypted with a key that alarms may use', () => {
    const [policy] = Object.values(template.findResources('AWS::SNS::TopicPolicy'))
    expect(policy?.Properties.PolicyDocument.Statement).toEqual([
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      expect.objectContaining({
        Effect: 'Allow',
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } }, ArnLike: expect.anything() },
      }),
    ])
    template.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: {} })
    template.hasResourceProperties('AWS::KMS::Key', { EnableKeyRotation: true })
    const [key] = Object.values(template.findResources('AWS::KMS::Key'))
    expect(key?.Properties.KeyPolicy.Statement.flatMap(({ Action }: { Action: string[] }) => Action).join()).not.toContain('*')
  })

  test('has the subscription of the given address, and none without one', () => {
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'alerts@example.com' })
    watchedTemplate().resourceCountIs('AWS::SNS::Subscription', 0)
  })
})

test('without a database there are no alarms about one', () => {
  const names = Object.values(watchedTemplate(undefined, false).findResources('AWS::CloudWatch::Alarm'))
  expect(names.filter(({ Properties }) => /database|proxy|replica/.test(Properties.AlarmName))).toEqual([])
  expect(names.length).toBeGreaterThan(10)
})

test('the dashboard shows every alarm and everything that the functions measure', () => {
  const [board] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'))
  const body = JSON.stringify(board?.Properties.DashboardBody)
  for (const id of Object.keys(template.findResources('AWS::CloudWatch::Alarm'))) expect(body).toContain(id)
  for (const metric of Object.keys(METRIC_UNITS).filter(name => name !== 'PrunesFinished')) expect(body).toContain(metric)
})

test('production has every alarm of the runbook', { timeout: 120_000 }, async () => {
  const { app } = await synthesised('prod')
  const links = (from: Template) =>
    Object.values(from.findResources('AWS::CloudWatch::Alarm')).map(alarm => alarm.Properties.AlarmDescription.split('#')[1])
  expect(links(Template.fromJSON(app)).sort()).toEqual(links(template).sort())
})

function watchedTemplate(email?: string, withDatabase = true): Template {
  const app = new App()
  const stack = new Stack(app, 'watched')
  const watched = watchedIn(new Stack(app, 'parts'), withDatabase)
  const { all } = new Alarms(stack, 'Alarms', watched, email)
  dashboard(stack, watched, all)
  return Template.fromStack(stack)
}

function watchedIn(stack: Stack, withDatabase: boolean): Monitored {
  const make = (name: string) =>
    new LambdaFunction(stack, name, {
      runtime: Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: Code.fromInline('//'),
      timeout: Duration.seconds(10),
    })
  const api = new RestApi(stack, 'Api')
  api.root.addMethod('GET')
  return {
    functions: {
      api: make('api'),
      indexer: make('indexer'),
      migrator: make('migrator'),
      pruner: make('pruner'),
      reconciler: make('reconciler'),
    },
    queue: new Queue(stack, 'Queue'),
    deadLetters: new Queue(stack, 'DeadLetters'),
    api,
    schedules: { pruner: { at: 'rate(1 day)', hours: 24 }, reconciler: { at: 'rate(1 day)', hours: 24 } },
    refreshDays: 30,
    ...(withDatabase ? { database: database(stack) } : {}),
  }
}

function database(stack: Stack) {
  const instance = DatabaseInstance.fromDatabaseInstanceAttributes(stack, 'Database', {
    instanceIdentifier: 'db',
    instanceEndpointAddress: 'db.example.com',
    port: 5432,
    securityGroups: [],
  })
  const replica = DatabaseInstance.fromDatabaseInstanceAttributes(stack, 'Replica', {
    instanceIdentifier: 'replica',
    instanceEndpointAddress: 'replica.example.com',
    port: 5432,
    securityGroups: [],
  })
  const proxy = DatabaseProxy.fromDatabaseProxyAttributes(stack, 'Proxy', {
    dbProxyName: 'proxy',
    dbProxyArn: 'arn:aws:rds:us-east-1:123456789012:db-proxy:prx-1',
    endpoint: 'proxy.example.com',
    securityGroups: [],
  })
  return { instance, replica, proxy, maxConnections: 100, memoryGiB: 2, storageGiB: 20 }
}
