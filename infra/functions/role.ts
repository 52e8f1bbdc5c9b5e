import { ArnFormat, Stack } from 'aws-cdk-lib'
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { FunctionName } from '../../shared/functions.ts'
import { acknowledge } from '../acknowledge.ts'
import { functionArn, functionName } from '../names.ts'
import type { Stage } from '../stages.ts'

/** What Lambda does with a function's role to tie it to a network. Source: Lambda developer guide, "Giving Lambda functions access to resources in a VPC". */
const INTERFACES = {
  // EC2 knows no resources for what only describes.
  describe: ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'],
  change: [
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ],
}

/** The role of one function: it writes to its own log group, sends traces, and is tied to the network; the rest is added by who makes the function. */
export function functionRole(scope: Construct, id: string, stage: Stage, name: FunctionName, logs: LogGroup): Role {
  const role = new Role(scope, id, {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    description: `Storage Catalog: ${functionName(stage, name)}`,
  })
  logs.grantWrite(role)
  if (stage.aws) tieToNetwork(scope, role, functionArn(scope, stage, name))
  acknowledge(role, {
    'AwsSolutions-IAM5[Resource::*]':
      'X-Ray (PutTraceSegments, PutTelemetryRecords) and the Describe actions of EC2 have no resource-level permissions.',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:*/*]':
      'Lambda makes the interfaces, so their ids are not known before; the function itself is denied these actions.',
  })
  return role
}

function tieToNetwork(scope: Construct, role: Role, functionArn: string): void {
  const anyInterface = Stack.of(scope).formatArn({
    service: 'ec2',
    resource: '*',
    resourceName: '*',
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  })
  role.addToPolicy(new PolicyStatement({ actions: INTERFACES.describe, resources: ['*'] }))
  role.addToPolicy(new PolicyStatement({ actions: INTERFACES.change, resources: [anyInterface] }))
  // They are Lambda's to use, not the code's.
  role.addToPolicy(
    new PolicyStatement({
      effect: Effect.DENY,
      actions: [...INTERFACES.describe, ...INTERFACES.change],
      resources: ['*'],
      conditions: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } },
    }),
  )
}
