import { Stack } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'

/** The page that alarms link to. A path, not an address, so that it is right in a fork and a checkout too. */
const RUNBOOK = 'docs/operate.md'

/**
 * One alarm. `section` is the heading of the runbook that says what to do; `of` distinguishes alarms with the same section. It fires when `periods` periods of the metric in a row are at or over `atLeast`, or under `below`.
 */
export type AlarmRule = {
  section: string
  of?: string
  /** What it means, in one or two sentences. */
  means: string
  metric: IMetric
  periods: number
  /** Whether a period without any data counts as a bad one. */
  alarmsOnMissingData?: boolean
} & ({ atLeast: number } | { below: number })

/** The alarm of a rule. It notifies the topic when it fires and when it is over. */
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
    treatMissingData: rule.alarmsOnMissingData ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
  })
  made.addAlarmAction(new SnsAction(topic))
  made.addOkAction(new SnsAction(topic))
  return made
}
