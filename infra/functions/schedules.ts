import { Stack } from 'aws-cdk-lib'
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import { prefixOf } from '../names.ts'
import type { Stage } from '../stages.ts'
import type { Functions } from './functions.ts'

/** What runs by the clock, and the reconcile after each deployment. Rules, not EventBridge Scheduler: it never fires on LocalStack. */
export function schedules(scope: Construct, stage: Stage, { pruner, reconciler }: Functions, bucket: string): void {
  const prune = new Rule(scope, 'PruneRule', {
    ruleName: `${prefixOf(stage)}-prune`,
    description: 'Removes what the audit trail keeps no longer',
    schedule: Schedule.expression(stage.prune.at),
    targets: [new LambdaFunction(pruner)],
  })
  const regular = new Rule(scope, 'ReconcileRule', {
    ruleName: `${prefixOf(stage)}-reconcile`,
    description: 'Compares the bucket with the catalog, and repairs the catalog',
    schedule: Schedule.expression(stage.reconcile.at),
    targets: [new LambdaFunction(reconciler)],
  })
  // Finds what was in an adopted bucket before, and what was lost until S3's notifications became active.
  const deployed = new Rule(scope, 'DeployedRule', {
    ruleName: `${prefixOf(stage)}-reconcile-deployed`,
    description: 'Compares the bucket with the catalog after a deployment',
    eventPattern: {
      source: ['aws.cloudformation'],
      detailType: ['CloudFormation Stack Status Change'],
      resources: [Stack.of(scope).stackId],
      detail: { 'status-details': { status: ['CREATE_COMPLETE', 'UPDATE_COMPLETE'] } },
    },
    targets: [new LambdaFunction(reconciler, { event: RuleTargetInput.fromObject({ bucket }) })],
  })
  for (const rule of [prune, regular, deployed]) {
    acknowledge(rule, {
      'Serverless-EventBusDLQ':
        'EventBridge tries for 24 hours to hand an event to Lambda, and an event that is lost nevertheless is made good by the next one of the schedule.',
    })
  }
}
