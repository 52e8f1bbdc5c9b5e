import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import { DATABASE_OWNER, DATABASE_ROLES } from '../../shared/database/roles.ts'
import { DATABASE_NAME } from '../data/database.ts'
import { databaseUser } from '../data/proxy.ts'
import type { Data } from '../data-stack.ts'
import type { FunctionName } from '../names.ts'
import type { Options } from '../options.ts'

/** How a function finds its database: by the proxy, the migrator by the instance; by an address on LocalStack, where there is neither. */
export function databaseEnvironment(name: FunctionName, { databaseUrl }: Options, { aws }: Data): Record<string, string> {
  const user = userOf(name)
  if (!aws) return { DATABASE_URL: databaseUrl, ...(name === 'migrator' ? {} : { DATABASE_ROLE: user }) }
  const isMigrator = name === 'migrator'
  return {
    DATABASE_HOST: isMigrator ? aws.instance.dbInstanceEndpointAddress : aws.proxy.endpoint,
    DATABASE_PORT: '5432',
    DATABASE_NAME,
    DATABASE_USER: user,
    // The instance's certificate is of RDS' own authorities, the proxy's of one that Node trusts.
    ...(isMigrator && { DATABASE_CA_FILE: '/var/task/rds-ca.pem' }),
  }
}

/** Lets a function sign in, as its own role and no other. */
export function allowConnect(lambda: Lambda, name: FunctionName, { instance, proxy }: NonNullable<Data['aws']>): void {
  if (name !== 'migrator') {
    proxy.grantConnect(lambda, userOf(name))
    return
  }
  const user = databaseUser(lambda, instance.instanceResourceId ?? '', userOf(name))
  lambda.addToRolePolicy(new PolicyStatement({ actions: ['rds-db:connect'], resources: [user] }))
}

function userOf(name: FunctionName): string {
  return name === 'migrator' ? DATABASE_OWNER : DATABASE_ROLES[name]
}
