import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import { addressOfRole, DATABASE_OWNER } from '../../shared/database/roles.ts'
import type { VariableName } from '../../shared/environment.ts'
import { FUNCTIONS, type FunctionName } from '../../shared/functions.ts'
import { DATABASE_NAME } from '../data/database.ts'
import { databaseUser } from '../data/proxy.ts'
import type { Data } from '../data-stack.ts'
import type { Options } from '../options.ts'

/** How a function finds its database: the proxy or the instance on AWS, an address on LocalStack, which has neither. */
export function databaseEnvironment(
  name: FunctionName,
  { databaseUrl }: Options,
  { aws }: Data,
): Partial<Record<VariableName, string>> {
  const { user, endpoint, connections } = FUNCTIONS[name].database
  const pool = { DATABASE_POOL: String(connections) }
  // The address signs in as the owner, who can act as each role.
  const role = user === DATABASE_OWNER ? {} : { DATABASE_ROLE: user }
  if (!aws) return { ...pool, DATABASE_URL: addressOfRole(databaseUrl, name), ...role }
  const common = { ...pool, DATABASE_NAME, DATABASE_USER: user }
  if (endpoint === 'proxy') return { ...common, DATABASE_HOST: aws.proxy.endpoint }
  return { ...common, DATABASE_HOST: aws.instance.dbInstanceEndpointAddress, DATABASE_CA_FILE: '/var/task/rds-ca.pem' }
}

/** Allows a function to sign in as its own database user and no other. */
export function allowConnect(lambda: Lambda, name: FunctionName, { instance, proxy }: NonNullable<Data['aws']>): void {
  const { user, endpoint } = FUNCTIONS[name].database
  if (endpoint === 'proxy') {
    proxy.grantConnect(lambda, user)
    return
  }
  const arn = databaseUser(lambda, instance.instanceResourceId ?? '', user)
  lambda.addToRolePolicy(new PolicyStatement({ actions: ['rds-db:connect'], resources: [arn] }))
}
