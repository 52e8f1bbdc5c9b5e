import { Duration } from 'aws-cdk-lib'
import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import { type Alarm, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { FUNCTIONS, functionNames } from '../../shared/functions.ts'
import { METRICS_DIMENSION, METRICS_NAMESPACE, type MetricName } from '../../shared/metrics.ts'
import type { AllFunctions } from '../functions/functions.ts'
import type { Stage } from '../stages.ts'
import { type AlarmRule, alarm } from './alarm.ts'
import { alarmTopic } from './alarm-topic.ts'
import { databaseRules, type MonitoredDatabase } from './database-alarms.ts'
import { functionRules } from './function-alarms.ts'

/** What alarms and the dashboard monitor; `schedules` has the hours between two runs, `refreshDays` the days within which every version is asked about. */
export type Monitored = {
  functions: AllFunctions
  queue: IQueue
  deadLetters: IQueue
  api: RestApi
  database?: MonitoredDatabase
  schedules: Stage['schedules']
  refreshDays: number
}

/** Every alarm of a stage, and the topic that they notify. */
export class Alarms extends Construct {
  readonly all: Alarm[]

  constructor(scope: Construct, id: string, monitored: Monitored, email?: string) {
    super(scope, id)
    const topic = alarmTopic(this, email)
    const rules = [
      ...queueRules(monitored),
      ...workRules(monitored),
      ...apiRules(monitored.api),
      ...functionNames().flatMap(name => functionRules(name, monitored.functions[name])),
      ...(monitored.database ? databaseRules(monitored.database) : []),
    ]
    this.all = rules.map(rule => alarm(this, topic, rule))
  }
}

/** A metric that a function writes itself. */
export function measured({ functionName }: LambdaFunction, metricName: MetricName, statistic: string, period: Duration): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName,
    dimensionsMap: { [METRICS_DIMENSION]: functionName },
    statistic,
    period,
  })
}

function queueRules({ queue, deadLetters }: Monitored): AlarmRule[] {
  return [
    {
      section: 'dead-letters',
      means: 'An event could not be indexed: the catalog misses a change until the event is redriven or a reconcile runs.',
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: Duration.minutes(1) }),
      periods: 1,
      atLeast: 1,
    },
    {
      section: 'queue-age',
      means: 'The oldest event has waited for 15 minutes: searches do not find the newest changes.',
      metric: queue.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM, period: Duration.minutes(5) }),
      periods: 1,
      atLeast: 900,
    },
    {
      section: 'queue-depth',
      means: 'More than 50,000 events have waited for 15 minutes: changes arrive faster than they are indexed.',
      metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: Duration.minutes(5) }),
      periods: 3,
      atLeast: 50_000,
    },
  ]
}

function workRules({ functions, schedules, refreshDays }: Monitored): AlarmRule[] {
  const hour = Duration.hours(1)
  return [
    {
      section: 'drift',
      means:
        'A reconcile found differences between the catalog and the bucket, so events were lost; unless it was a dry run, it has repaired them.',
      metric: measured(functions.reconciler, 'Drift', Stats.MAXIMUM, hour),
      periods: 1,
      atLeast: 1,
    },
    {
      section: 'keys-unsettled',
      means: 'A reconcile left keys as they were, because S3 or Postgres returned an error: the catalog may be wrong about them.',
      metric: measured(functions.reconciler, 'KeysUnsettled', Stats.MAXIMUM, hour),
      periods: 1,
      atLeast: 1,
    },
    {
      section: 'refresh-late',
      means: `A reconcile read a version that S3 had not been asked about for more than ${refreshDays} days: a lost change of its tags or metadata was unknown for so long.`,
      metric: measured(functions.reconciler, 'OldestObservation', Stats.MAXIMUM, hour),
      periods: 1,
      atLeast: refreshDays * 24 * 3600,
    },
    ...functionNames('schedule').map((name): AlarmRule => {
      const { schedule } = FUNCTIONS[name]
      return {
        section: `${schedule.name}-missing`,
        means: schedule.ifMissing,
        metric: measured(functions[name], schedule.finished, Stats.SUM, hour),
        periods: schedules[name].hours + SPARE_HOURS,
        below: 1,
        alarmsOnMissingData: true,
      }
    }),
  ]
}

/** How much longer than the previous run a run may take. */
const SPARE_HOURS = 3

function apiRules(api: RestApi): AlarmRule[] {
  return [
    {
      section: 'api-errors',
      means: 'At least 5 requests within 5 minutes failed with a 5xx status.',
      metric: api.metricServerError({ statistic: Stats.SUM, period: Duration.minutes(5) }),
      periods: 1,
      atLeast: 5,
    },
    {
      section: 'api-latency',
      means: 'For 15 minutes one request in a hundred took 2 seconds or more.',
      metric: api.metricLatency({ statistic: Stats.p(99), period: Duration.minutes(5) }),
      periods: 3,
      atLeast: 2000,
    },
  ]
}
