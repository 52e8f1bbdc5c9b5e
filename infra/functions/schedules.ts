import { Stack } from 'aws-cdk-lib'
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import type { Construct } from 'constructs'
import { FUNCTIONS, functionNames } from '../../shared/functions.ts'
import { acknowledge } from '../acknowledge.ts'
import { constructId, prefixOf } from '../names.ts'
import type { Stage } from '../stages.ts'
import type { Functions } from './functions.ts'

/** The schedules, and the reconcile after each deployment. Rules, not EventBridge Scheduler, which never fires on LocalStack. */
export function schedules(scope: Construct, stage: Stage, functions: Functions, bucket: string): void {
  const regular = functionNames('schedule').map(name => {
    const { schedule } = FUNCTIONS[name]
    return new Rule(scope, `${constructId(name)}Rule`, {
      ruleName: `${prefixOf(stage)}-${schedule.name}`,
      description: schedule.does,
      schedule: Schedule.expression(stage.schedules[name].at),
      targets: [new LambdaFunction(functions[name])],
    })
  })
  // Finds what an adopted bucket held before, and what was lost until S3's notifications became active.
  const deployed = new Rule(scope, 'DeployedRule', {
    ruleName: `${prefixOf(stage)}-reconcile-deployed`,
    description: 'Compares the bucket with the catalog after a deployment',
    eventPattern: {
      source: ['aws.cloudformation'],
      detailType: ['CloudFormation Stack Status Change'],
      resources: [Stack.of(scope).stackId],
      detail: { 'status-details': { status: ['CREATE_COMPLETE', 'UPDATE_COMPLETE'] } },
    },
    targets: [new LambdaFunction(functions.reconciler, { event: RuleTargetInput.fromObject({ bucket }) })],
  })
  for (const rule of [...regular, deployed]) {
    acknowledge(rule, {
      'Serverless-EventBusDLQ':
        'EventBridge retries for 24 hours to send an event to Lambda; what a lost event would have done, the next scheduled one does.',
    })
  }
}
