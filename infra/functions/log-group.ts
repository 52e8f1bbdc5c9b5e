import { RemovalPolicy } from 'aws-cdk-lib'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { Stage } from '../stages.ts'

/** A log group with the retention of the stage. */
export function logGroup(scope: Construct, id: string, stage: Stage, logGroupName: string): LogGroup {
  return new LogGroup(scope, id, { logGroupName, retention: stage.logDays, removalPolicy: RemovalPolicy.DESTROY })
}
