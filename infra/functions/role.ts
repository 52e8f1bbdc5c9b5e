import { ArnFormat, Stack } from 'aws-cdk-lib'
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { FunctionName } from '../../shared/functions.ts'
import { acknowledge } from '../acknowledge.ts'
import { functionArn, functionName } from '../names.ts'
import type { Stage } from '../stages.ts'

/** What Lambda needs in a function's role to attach it to a network. Source: Lambda developer guide, "Giving Lambda functions access to resources in a VPC". */
const INTERFACES = {
  // EC2 has no resource-level permissions for Describe actions.
  describe: ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'],
  change: [
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ],
}

/** The role of one function: it may write to its own log group, send traces, and be attached to the network. `lambda.ts` adds the rest. */
export function functionRole(scope: Construct, id: string, stage: Stage, name: FunctionName, logs: LogGroup): Role {
  const role = new Role(scope, id, {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    description: `Storage Catalog: ${functionName(stage, name)}`,
  })
  logs.grantWrite(role)
  if (stage.aws) attachToNetwork(scope, role, functionArn(scope, stage, name))
  acknowledge(role, {
    'AwsSolutions-IAM5[Resource::*]':
      'X-Ray (PutTraceSegments, PutTelemetryRecords) and the Describe actions of EC2 have no resource-level permissions.',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:*/*]':
      'Lambda creates the interfaces, so their ids are not known in advance; the function itself is denied these actions.',
  })
  return role
}

function attachToNetwork(scope: Construct, role: Role, functionArn: string): void {
  const anyInterface = Stack.of(scope).formatArn({
    service: 'ec2',
    resource: '*',
    resourceName: '*',
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  })
  role.addToPolicy(new PolicyStatement({ actions: INTERFACES.describe, resources: ['*'] }))
  role.addToPolicy(new PolicyStatement({ actions: INTERFACES.change, resources: [anyInterface] }))
  // Lambda may use them, the code of the function may not.
  role.addToPolicy(
    new PolicyStatement({
      effect: Effect.DENY,
      actions: [...INTERFACES.describe, ...INTERFACES.change],
      resources: ['*'],
      conditions: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } },
    }),
  )
}
