import { existsSync, globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Route, routes } from '../../shared/api/routes.ts'
import { type Synthesised, synthesised } from './stage.ts'

let dev: Synthesised
let prod: Synthesised
let people: Synthesised

beforeAll(async () => {
  dev = await synthesised('dev')
  prod = await synthesised('prod')
  people = await synthesised('prod', { auth: 'cognito' })
})

describe('every function', () => {
  const ours = (stage: Synthesised) => stage.of('AWS::Lambda::Function').filter(({ Properties }) => Properties.FunctionName)

  test('is a file in functions/, and every file is one', () => {
    const files = globSync('functions/*.ts').map(file => `storage-catalog-prod-${file.slice('functions/'.length, -'.ts'.length)}`)
    expect(
      ours(prod)
        .map(({ Properties }) => Properties.FunctionName)
        .sort(),
    ).toEqual(files.sort())
  })

  test('runs Node 24 on arm64 in the isolated subnets, and is traced', () => {
    for (const { Properties } of ours(prod)) {
      expect(Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        TracingConfig: { Mode: 'Active' },
        VpcConfig: { SubnetIds: [expect.any(String), expect.any(String)], SecurityGroupIds: [expect.any(String)] },
      })
    }
  })

  test('writes to a log group of its own with the retention of the stage', () => {
    const groups = ours(prod).map(({ Properties }) => Properties.LoggingConfig.LogGroup)
    expect(new Set(groups).size).toBe(5)
    for (const { Properties } of prod.of('AWS::Logs::LogGroup')) expect(Properties.RetentionInDays).toBe(365)
  })

  test('connects to the proxy, the migrator to the instance with the certificates of RDS', () => {
    for (const { Properties } of ours(prod)) {
      const { DATABASE_HOST, DATABASE_CA_FILE } = Properties.Environment.Variables
      const isMigrator = Properties.FunctionName.endsWith('-migrator')
      expect(DATABASE_HOST).toMatch(isMigrator ? /^<Database.*EndpointAddress/ : /^<Proxy.*Endpoint/)
      expect(DATABASE_CA_FILE).toBe(isMigrator ? '/var/task/rds-ca.pem' : undefined)
    }
  })

  test('waits for the migrations, whose failure fails the deployment', () => {
    const [migrations] = prod.of('Custom::Trigger')
    expect(migrations!.Properties).toMatchObject({ InvocationType: 'RequestResponse', Timeout: '900000' })
    const waiting = ours(prod).filter(({ DependsOn }) => DependsOn.includes(migrations!.id))
    expect(waiting.map(({ id }) => id.slice(0, -8)).sort()).toEqual(['Api', 'Indexer', 'Pruner', 'Reconciler'])
    expect(prod.of('AWS::Lambda::EventSourceMapping')[0]!.DependsOn).toContain(migrations!.id)
  })
})

test('a new migration makes a new migrator, and so a new run of it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'catalog-migrations-'))
  writeFileSync(join(folder, '0001_word.sql'), 'create table word (word text)')
  const changed = await synthesised('dev', { migrations: folder })
  const version = (stage: Synthesised) => stage.of('Custom::Trigger')[0]!.Properties.HandlerArn
  expect(version(changed)).not.toBe(version(dev))
  const [certificates = ''] = globSync('asset.*/rds-ca.pem', { cwd: changed.folder })
  const code = join(changed.folder, dirname(certificates))
  expect(globSync('migrations/*', { cwd: code })).toEqual(['migrations/0001_word.sql'])
  expect(readFileSync(join(code, 'rds-ca.pem'), 'utf8')).toContain('BEGIN CERTIFICATE')
  expect(existsSync(join(code, 'index.mjs'))).toBe(true)
})

describe('the indexer', () => {
  test('receives batches, reports the messages that failed, and runs at most as often as the stage allows', () => {
    const [mapping] = prod.of('AWS::Lambda::EventSourceMapping')
    expect(mapping!.Properties).toMatchObject({
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 10 },
    })
  })
})

describe('the reconciler', () => {
  test('may invoke itself without a limit, and nothing else', () => {
    const [reconciler] = prod.of('AWS::Lambda::Function').filter(({ id }) => id.startsWith('Reconciler'))
    expect(reconciler!.Properties.RecursiveLoop).toBe('Allow')
    const [policy] = prod.of('AWS::IAM::Policy').filter(({ id }) => id.startsWith('ReconcilerRole'))
    const invokes = policy!.Properties.PolicyDocument.Statement.filter(({ Action }: { Action: string }) => /Invoke/.test(Action))
    expect(invokes).toMatchObject([{ Resource: expect.stringMatching(/:function:storage-catalog-prod-reconciler$/) }])
  })

  test('runs on a schedule and after each deployment', () => {
    const rules = prod.of('AWS::Events::Rule').filter(({ id }) => /^(Reconciler|Deployed)/.test(id))
    expect(rules.map(({ Properties }) => Properties.ScheduleExpression ?? Properties.EventPattern.detail)).toEqual([
      'cron(47 3 * * ? *)',
      { 'status-details': { status: ['CREATE_COMPLETE', 'UPDATE_COMPLETE'] } },
    ])
    expect(rules[1]!.Properties.Targets[0].Input).toBe('{"bucket":"storage-catalog-prod-<AWS::AccountId>-<AWS::Region>"}')
  })
})

describe('the API', () => {
  test('may invoke the reconciler, whose name it gets, and nothing else', () => {
    const [api] = prod.of('AWS::Lambda::Function').filter(({ id }) => id.startsWith('Api'))
    expect(api!.Properties.Environment.Variables.CATALOG_RECONCILER_FUNCTION).toBe('storage-catalog-prod-reconciler')
    const [policy] = prod.of('AWS::IAM::Policy').filter(({ id }) => id.startsWith('ApiRole'))
    const invokes = policy!.Properties.PolicyDocument.Statement.filter(({ Action }: { Action: string }) => /Invoke/.test(Action))
    expect(invokes).toMatchObject([{ Resource: expect.stringMatching(/:function:storage-catalog-prod-reconciler$/) }])
  })

  const methods = (stage: Synthesised) => stage.of('AWS::ApiGateway::Method').map(({ Properties }) => Properties)

  test('compresses responses from 1 KB on', () => {
    expect(prod.of('AWS::ApiGateway::RestApi').map(({ Properties }) => Properties.MinimumCompressionSize)).toEqual([1024])
  })

  test('has a method for every route of the table, and no other', () => {
    const parts = new Map(prod.of('AWS::ApiGateway::Resource').map(({ id, Properties }) => [`<${id}>`, Properties.PathPart]))
    const there = methods(prod).map(({ HttpMethod, ResourceId }) => `${HttpMethod} /${parts.get(ResourceId)}`)
    expect(there.sort()).toEqual(
      Object.values<Route>(routes)
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    )
  })

  test('accepts requests signed with IAM, or users of a user pool with -c auth=cognito', () => {
    expect(new Set(methods(prod).map(({ AuthorizationType }) => AuthorizationType))).toEqual(new Set(['AWS_IAM']))
    expect(new Set(methods(people).map(({ AuthorizationType }) => AuthorizationType))).toEqual(new Set(['COGNITO_USER_POOLS']))
  })

  test('rejects a request without a required parameter of its route', () => {
    const needs = methods(prod).map(({ RequestParameters }) =>
      Object.keys(RequestParameters ?? {}).map(name => name.split('.').at(-1)),
    )
    expect(needs.filter(names => names.length > 0).sort()).toEqual([
      ['id'],
      ['id'],
      ['key'],
      ['key'],
      ['key'],
      ['key'],
      ['key'],
      ['key', 'versionId'],
      ['q'],
      ['run'],
    ])
    for (const { RequestValidatorId } of methods(prod)) expect(RequestValidatorId).toBeDefined()
  })

  test('gives its own errors the form of every other error', () => {
    const templates = prod
      .of('AWS::ApiGateway::GatewayResponse')
      .map(({ Properties }) => Properties.ResponseTemplates['application/json'])
    expect(templates.length).toBeGreaterThan(10)
    for (const template of templates) {
      const filled = template.replace('$context.error.messageString', '"No \\"key\\""').replace('$context.requestId', 'r-1')
      expect(JSON.parse(filled)).toEqual({ error: { code: expect.any(String), message: 'No "key"', requestId: 'r-1' } })
    }
  })

  test('logs each request as one JSON object, is traced and throttled', () => {
    const [stage] = prod.of('AWS::ApiGateway::Stage')
    expect(JSON.parse(stage!.Properties.AccessLogSetting.Format)).toMatchObject({ requestId: '$context.requestId' })
    expect(stage!.Properties.TracingEnabled).toBe(true)
    expect(stage!.Properties.MethodSettings).toMatchObject([
      { ThrottlingRateLimit: 200, ThrottlingBurstLimit: 400, DataTraceEnabled: false },
    ])
  })

  test('has a firewall in prod only', () => {
    expect([dev, prod].map(stage => stage.of('AWS::WAFv2::WebACLAssociation').length)).toEqual([0, 1])
  })
})

describe('users of the user pool', () => {
  test('are invited, and sign in with a second factor', () => {
    const [pool] = people.of('AWS::Cognito::UserPool')
    expect(pool!.Properties).toMatchObject({
      MfaConfiguration: 'ON',
      EnabledMfas: ['SOFTWARE_TOKEN_MFA'],
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
    })
    expect(Object.keys(people.app.Outputs ?? {})).toEqual(expect.arrayContaining(['UserPoolId', 'UserPoolClientId']))
  })
})
