import { Duration } from 'aws-cdk-lib'
import { Stats } from 'aws-cdk-lib/aws-cloudwatch'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { AlarmRule } from './alarm.ts'

/** These stop in time by themselves, or take as long as a migration takes. */
const MAY_TAKE_ITS_TIME = ['reconciler', 'migrator']

/** When people are told of a function, by the name of its file. */
export function functionRules(of: string, each: LambdaFunction): AlarmRule[] {
  const period = Duration.minutes(5)
  const timeout = each.timeout ?? Duration.seconds(3)
  const rules: AlarmRule[] = [
    {
      section: 'function-errors',
      of,
      means: `The function ${of} ended with an error or ran out of time or memory.`,
      metric: each.metricErrors({ statistic: Stats.SUM, period }),
      periods: 1,
      atLeast: 1,
    },
    {
      section: 'function-throttles',
      of,
      means: `For 15 minutes Lambda refused to start ${of}, because as many as allowed were running.`,
      metric: each.metricThrottles({ statistic: Stats.SUM, period }),
      periods: 3,
      atLeast: 1,
    },
  ]
  if (MAY_TAKE_ITS_TIME.includes(of)) return rules
  const means = `The function ${of} took more than 80 % of the ${timeout.toSeconds()} seconds after which Lambda ends it.`
  const metric = each.metricDuration({ statistic: Stats.MAXIMUM, period })
  return [...rules, { section: 'function-duration', of, means, metric, periods: 2, atLeast: timeout.toMilliseconds() * 0.8 }]
}
