import { Duration } from 'aws-cdk-lib'
import { Stats } from 'aws-cdk-lib/aws-cloudwatch'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { FUNCTIONS, type FunctionName } from '../../shared/functions.ts'
import type { AlarmRule } from './alarm.ts'

/** The alarms about one function. */
export function functionRules(of: FunctionName, lambda: LambdaFunction): AlarmRule[] {
  const { timeout, alarmsOnDuration } = FUNCTIONS[of]
  const period = Duration.minutes(5)
  const rules: AlarmRule[] = [
    {
      section: 'function-errors',
      of,
      means: `The function ${of} ended with an error or ran out of time or memory.`,
      metric: lambda.metricErrors({ statistic: Stats.SUM, period }),
      periods: 1,
      atLeast: 1,
    },
    {
      section: 'function-throttles',
      of,
      means: `For 15 minutes Lambda refused to start ${of}, because its limit of concurrent invocations was reached.`,
      metric: lambda.metricThrottles({ statistic: Stats.SUM, period }),
      periods: 3,
      atLeast: 1,
    },
  ]
  if (!alarmsOnDuration) return rules
  const means = `The function ${of} took more than 80 % of the ${timeout} seconds after which Lambda ends it.`
  const metric = lambda.metricDuration({ statistic: Stats.MAXIMUM, period })
  return [...rules, { section: 'function-duration', of, means, metric, periods: 2, atLeast: timeout * 1000 * 0.8 }]
}
