import { ArnFormat, Duration, Stack } from 'aws-cdk-lib'
import { SubnetType } from 'aws-cdk-lib/aws-ec2'
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { type DatabaseInstance, DatabaseProxy, DefaultAuthScheme, ProxyTarget } from 'aws-cdk-lib/aws-rds'
import type { Construct } from 'constructs'
import { DATABASE_ROLES } from '../../shared/database/roles.ts'
import { prefixOf } from '../names.ts'
import type { Stage } from '../stages.ts'
import type { Network } from './network.ts'

/** Shares few database connections among many functions. It signs in to the database with IAM, as the role that signed in to it; never as the owner. */
export function proxy(scope: Construct, stage: Stage, instance: DatabaseInstance, { vpc, groups }: Network): DatabaseProxy {
  const users = Object.values(DATABASE_ROLES).map(user => databaseUser(scope, instance.instanceResourceId ?? '', user))
  const role = new Role(scope, 'ProxyRole', {
    assumedBy: new ServicePrincipal('rds.amazonaws.com'),
    description: 'RDS Proxy signs in to the database',
    inlinePolicies: {
      connect: new PolicyDocument({ statements: [new PolicyStatement({ actions: ['rds-db:connect'], resources: users })] }),
    },
  })
  return new DatabaseProxy(scope, 'Proxy', {
    dbProxyName: prefixOf(stage),
    proxyTarget: ProxyTarget.fromInstance(instance),
    defaultAuthScheme: DefaultAuthScheme.IAM_AUTH,
    role,
    vpc,
    vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
    securityGroups: [groups.proxy],
    requireTLS: true,
    // Callers of the API wait no longer; SQS delivers an indexer's batch again.
    borrowTimeout: Duration.seconds(10),
    idleClientTimeout: Duration.minutes(10),
    // The rest is for migrations and administrators.
    maxConnectionsPercent: 80,
    maxIdleConnectionsPercent: 20,
  })
}

/** The ARN for `rds-db:connect`: a database user at the resource id of an instance or a proxy. */
export function databaseUser(scope: Construct, resourceId: string, user: string): string {
  return Stack.of(scope).formatArn({
    service: 'rds-db',
    resource: 'dbuser',
    resourceName: `${resourceId}/${user}`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })
}
