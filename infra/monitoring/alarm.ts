import { Stack } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'

/** Where each section that an alarm links to is: the same words in a fork, a checkout and a mail. */
const RUNBOOK = 'docs/operate.md'

/**
 * When people are told of what. `section` is the heading of the runbook that says what to do, the same for each `of` what there are
 * many; the alarm fires when `periods` periods of the metric in a row are at or over `atLeast`, or under `below`.
 */
export type AlarmRule = {
  section: string
  of?: string
  /** What it means, in plain words. */
  means: string
  metric: IMetric
  periods: number
  /** Whether a period without any measurement counts as a bad one. */
  alarmsOnSilence?: boolean
} & ({ atLeast: number } | { below: number })

/** The alarm of a rule; it tells the topic when it fires and when it is over. */
export function alarm(scope: Construct, topic: ITopic, rule: AlarmRule): Alarm {
  const id = rule.of === undefined ? rule.section : `${rule.section}-${rule.of}`
  const made = new Alarm(scope, id, {
    alarmName: `${Stack.of(scope).stackName}-${id}`,
    alarmDescription: `${rule.means} ${RUNBOOK}#${rule.section}`,
    metric: rule.metric,
    evaluationPeriods: rule.periods,
    threshold: 'below' in rule ? rule.below : rule.atLeast,
    comparisonOperator:
      'below' in rule ? ComparisonOperator.LESS_THAN_THRESHOLD : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: rule.alarmsOnSilence ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
  })
  made.addAlarmAction(new SnsAction(topic))
  made.addOkAction(new SnsAction(topic))
  return made
}
