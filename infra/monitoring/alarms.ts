import { Duration } from 'aws-cdk-lib'
import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import { type Alarm, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { METRICS_DIMENSION, METRICS_NAMESPACE, type MetricName } from '../../shared/metrics.ts'
import type { FunctionName } from '../names.ts'
import { type AlarmRule, alarm } from './alarm.ts'
import { alarmTopic } from './alarm-topic.ts'
import { databaseRules, type WatchedDatabase } from './database-alarms.ts'
import { functionRules } from './function-alarms.ts'

/** What alarms and the dashboard look at; hours are those between two runs. */
export type Watched = {
  functions: Record<FunctionName, LambdaFunction>
  queue: IQueue
  deadLetters: IQueue
  api: RestApi
  database?: WatchedDatabase
  reconcileHours: number
  pruneHours: number
}

/** Every alarm of a stage, and the topic they tell. */
export class Alarms extends Construct {
  readonly all: Alarm[]

  constructor(scope: Construct, id: string, watched: Watched, email?: string) {
    super(scope, id)
    const topic = alarmTopic(this, email)
    const rules = [
      ...queueRules(watched),
      ...workRules(watched),
      ...apiRules(watched.api),
      ...Object.entries(watched.functions).flatMap(([name, each]) => functionRules(name, each)),
      ...(watched.database ? databaseRules(watched.database) : []),
    ]
    this.all = rules.map(rule => alarm(this, topic, rule))
  }
}

/** What a function measures itself. */
export function measured({ functionName }: LambdaFunction, metricName: MetricName, statistic: string, period: Duration): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName,
    dimensionsMap: { [METRICS_DIMENSION]: functionName },
    statistic,
    period,
  })
}

function queueRules({ queue, deadLetters }: Watched): AlarmRule[] {
  return [
    {
      section: 'dead-letters',
      means:
        'An event could not be indexed and was put aside: the catalog misses a change until it is sent back or a reconcile runs.',
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: Duration.minutes(1) }),
      periods: 1,
      atLeast: 1,
    },
    {
      section: 'queue-age',
      means: 'The oldest event has waited for 15 minutes: searches do not see the newest changes.',
      metric: queue.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM, period: Duration.minutes(5) }),
      periods: 1,
      atLeast: 900,
    },
    {
      section: 'queue-depth',
      means: 'More than 50,000 events have waited for 15 minutes: changes come faster than they are indexed.',
      metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: Duration.minutes(5) }),
      periods: 3,
      atLeast: 50_000,
    },
  ]
}

function workRules({ functions, reconcileHours, pruneHours }: Watched): AlarmRule[] {
  const hour = Duration.hours(1)
  return [
    {
      section: 'drift',
      means:
        'A reconcile found the catalog to differ from the bucket, so events were lost; unless it was a dry run, it has repaired that.',
      metric: measured(functions.reconciler, 'Drift', Stats.MAXIMUM, hour),
      periods: 1,
      atLeast: 1,
    },
    {
      section: 'reconcile-missing',
      means: 'No reconcile has come to its end when the next was due: lost events would go unnoticed.',
      metric: measured(functions.reconciler, 'ReconcilesFinished', Stats.SUM, hour),
      periods: reconcileHours + SPARE_HOURS,
      below: 1,
      alarmsOnSilence: true,
    },
    {
      section: 'prune-missing',
      means:
        'The audit trail has not been pruned when it was due: it is kept too long, and partitions for the months to come may be missing.',
      metric: measured(functions.pruner, 'PrunesFinished', Stats.SUM, hour),
      periods: pruneHours + SPARE_HOURS,
      below: 1,
      alarmsOnSilence: true,
    },
  ]
}

/** A run may take so much longer than the one before. */
const SPARE_HOURS = 3

function apiRules(api: RestApi): AlarmRule[] {
  return [
    {
      section: 'api-errors',
      means: 'The API failed at least 5 requests of 5 minutes by a fault of its own.',
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
