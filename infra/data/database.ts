import { Duration, RemovalPolicy, SecretValue } from 'aws-cdk-lib'
import { InstanceType, SubnetType } from 'aws-cdk-lib/aws-ec2'
import {
  type CfnDBInstance,
  Credentials,
  DatabaseInstance,
  DatabaseInstanceEngine,
  DatabaseInstanceReadReplica,
  ParameterGroup,
  PostgresEngineVersion,
  StorageType,
  SubnetGroup,
} from 'aws-cdk-lib/aws-rds'
import type { Construct } from 'constructs'
import { DATABASE_OWNER } from '../../shared/database/roles.ts'
import { acknowledge } from '../acknowledge.ts'
import { logGroup } from '../functions/log-group.ts'
import { prefixOf } from '../names.ts'
import type { Stage } from '../stages.ts'
import type { Network } from './network.ts'

/** Name of the database in the instance. */
export const DATABASE_NAME = 'catalog'

type Settings = NonNullable<Stage['aws']>['database']

/** The database, and its read replica where the stage has one. */
export type Database = { instance: DatabaseInstance; replica?: DatabaseInstanceReadReplica }

/** Postgres 17 without a password: users sign in with IAM, over TLS. */
export function database(scope: Construct, stage: Stage, settings: Settings, { vpc, groups }: Network): Database {
  const instanceIdentifier = prefixOf(stage)
  const common = {
    vpc,
    subnetGroup: new SubnetGroup(scope, 'DatabaseSubnets', {
      vpc,
      description: 'Storage Catalog',
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
    }),
    securityGroups: [groups.database],
    instanceType: new InstanceType(settings.instanceType),
    parameterGroup: parameters(scope, settings),
    storageType: StorageType.GP3,
    storageEncrypted: true,
    maxAllocatedStorage: settings.storage[1],
    iamAuthentication: true,
    enablePerformanceInsights: true,
    cloudwatchLogsExports: ['postgresql'],
    autoMinorVersionUpgrade: true,
    publiclyAccessible: false,
    deletionProtection: stage.isProtected,
    removalPolicy: stage.isProtected ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  }
  const logs = logGroup(scope, 'DatabaseLogs', stage, `/aws/rds/instance/${instanceIdentifier}/postgresql`)
  const instance = new DatabaseInstance(scope, 'Database', {
    ...common,
    engine: ENGINE,
    instanceIdentifier,
    databaseName: DATABASE_NAME,
    credentials: Credentials.fromPassword(DATABASE_OWNER, SecretValue.unsafePlainText('')),
    allocatedStorage: settings.storage[0],
    multiAz: settings.isMultiAz,
    backupRetention: Duration.days(settings.backupDays),
    deleteAutomatedBackups: !stage.isProtected,
    copyTagsToSnapshot: true,
  })
  withoutPassword(instance)
  instance.node.addDependency(logs)
  explain(instance, settings)
  if (!settings.hasReplica) return { instance }
  const replica = new DatabaseInstanceReadReplica(scope, 'Replica', {
    ...common,
    instanceIdentifier: `${instanceIdentifier}-replica`,
    sourceDatabaseInstance: instance,
    removalPolicy: RemovalPolicy.DESTROY,
    deletionProtection: true,
  })
  // It is encrypted because its source is; CloudFormation does not accept the property on a replica.
  const resource = replica.node.defaultChild as CfnDBInstance
  resource.addPropertyDeletionOverride('StorageEncrypted')
  explain(replica, settings)
  return { instance, replica }
}

const ENGINE = DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_17 })

/** CDK's construct supports only master users with a password; CloudFormation supports one that signs in with IAM. */
function withoutPassword(instance: DatabaseInstance): void {
  const resource = instance.node.defaultChild as CfnDBInstance
  resource.masterUserPassword = undefined
  resource.masterUserAuthenticationType = 'iam-db-auth'
}

function parameters(scope: Construct, settings: Settings): ParameterGroup {
  return new ParameterGroup(scope, 'Parameters', {
    engine: ENGINE,
    description: 'Storage Catalog',
    parameters: {
      'rds.force_ssl': '1',
      shared_preload_libraries: 'pg_stat_statements',
      'pg_stat_statements.track': 'all',
      log_min_duration_statement: '1000',
      log_lock_waits: '1',
      log_autovacuum_min_duration: '10000',
      max_connections: String(settings.maxConnections),
      work_mem: String(settings.workMem),
      // Versions and objects are updated in place; the default fifth of a table with millions of rows comes too late.
      autovacuum_vacuum_scale_factor: '0.02',
      autovacuum_vacuum_insert_scale_factor: '0.05',
      autovacuum_analyze_scale_factor: '0.02',
      // On gp3 random reads are nearly as fast as sequential ones.
      random_page_cost: '1.1',
      // Queries here take milliseconds; compiling one takes longer.
      jit: '0',
      idle_in_transaction_session_timeout: '60000',
    },
  })
}

function explain(instance: Construct, settings: Settings): void {
  acknowledge(instance, {
    'AwsSolutions-RDS11':
      'The default port is no risk: only the security groups of the proxy and the migrator can connect, in subnets without a route to the internet.',
    ...(settings.isMultiAz && instance instanceof DatabaseInstance
      ? {}
      : {
          'AwsSolutions-RDS3':
            'A standby in another zone is for production; this instance can be rebuilt from the bucket or its source.',
        }),
    ...(settings.isMultiAz
      ? {}
      : { 'AwsSolutions-RDS10': 'This stage is made to be destroyed; the catalog can be rebuilt from the bucket.' }),
  })
}
