import { Duration } from 'aws-cdk-lib'
import { SubnetType } from 'aws-cdk-lib/aws-ec2'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Architecture, Code, Function as Lambda, RecursiveLoop, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { type FunctionName, functionRow } from '../../shared/functions.ts'
import { acknowledge } from '../acknowledge.ts'
import type { Data } from '../data-stack.ts'
import { constructId, functionArn, functionName } from '../names.ts'
import type { Options } from '../options.ts'
import { allowInventory, allowReads, allowWrites } from './bucket-access.ts'
import { bundle } from './bundle.ts'
import { allowConnect } from './database-access.ts'
import { functionEnvironment } from './environment.ts'
import { logGroup } from './log-group.ts'
import { functionRole } from './role.ts'

/** One function as its row in `shared/functions.ts` says, with a role and a log group of its own. */
export function lambda(scope: Construct, options: Options, data: Data, name: FunctionName): Lambda {
  const { stage, migrations } = options
  const row = functionRow(name)
  const id = constructId(name)
  const logs = logGroup(scope, `${id}Logs`, stage, `/aws/lambda/${functionName(stage, name)}`)
  const made = new Lambda(scope, id, {
    functionName: functionName(stage, name),
    description: `Storage Catalog (${stage.name}): functions/${name}.ts`,
    code: Code.fromAsset(bundle(name, migrations)),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: row.memory,
    timeout: Duration.seconds(row.timeout),
    role: functionRole(scope, `${id}Role`, stage, name, logs),
    logGroup: logs,
    tracing: Tracing.ACTIVE,
    reservedConcurrentExecutions: stage.reservedConcurrency?.[name],
    recursiveLoop: row.invokes?.includes(name) ? RecursiveLoop.ALLOW : undefined,
    environment: functionEnvironment(name, options, data),
    ...(data.aws && {
      vpc: data.aws.network.vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      securityGroups: [data.aws.network.functionGroups[row.network]],
    }),
  })
  allow(made, name, options, data)
  acknowledge(made, { 'Serverless-LambdaDLQ': row.whyNoDeadLetterQueue })
  return made
}

/** What the row of a function allows it. */
function allow(lambda: Lambda, name: FunctionName, options: Options, data: Data): void {
  const { bucket, readsInventory, sendsDeadLetters, invokes = [] } = functionRow(name)
  if (bucket) allowReads(lambda, data, options)
  if (bucket === 'write') allowWrites(lambda, data, options)
  if (readsInventory) allowInventory(lambda, options)
  if (sendsDeadLetters) data.deadLetters.grantSendMessages(lambda)
  if (invokes.length > 0) {
    const resources = invokes.map(invoked => functionArn(lambda, options.stage, invoked))
    lambda.addToRolePolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources }))
  }
  if (data.aws) allowConnect(lambda, name, data.aws)
}
