import { Duration, Stack } from 'aws-cdk-lib'
import { type Alarm, AlarmStatusWidget, Dashboard, GraphWidget, type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'
import { measured, type Watched } from './alarms.ts'
import { proxyMetric, type WatchedDatabase } from './database-alarms.ts'

/** What people look at first: every alarm, then what the catalog does and what it stands on, in rows. */
export function dashboard(scope: Construct, watched: Watched, alarms: Alarm[]): Dashboard {
  return new Dashboard(scope, 'Dashboard', {
    dashboardName: Stack.of(scope).stackName,
    defaultInterval: Duration.days(1),
    widgets: [
      [new AlarmStatusWidget({ title: 'Alarms', alarms, width: 24, height: 5 })],
      indexRow(watched),
      apiRow(watched),
      functionRow(watched),
      upkeepRow(watched),
      ...(watched.database ? [databaseRow(watched.database), proxyRow(watched.database)] : []),
    ],
  })
}

/** Points are five minutes apart, as the alarms' are. */
const PERIOD = Duration.minutes(5)
const sum = { statistic: Stats.SUM, period: PERIOD }
const average = { statistic: Stats.AVERAGE, period: PERIOD }
const highest = { statistic: Stats.MAXIMUM, period: PERIOD }

function indexRow({ queue, deadLetters, functions }: Watched) {
  const indexer = functions.indexer
  return row(
    ['Records indexed', measured(indexer, 'RecordsIndexed', Stats.SUM, PERIOD)],
    ['Seconds from change to index, oldest of a batch', measured(indexer, 'EventLag', Stats.p(99), PERIOD)],
    ['Events waiting', queue.metricApproximateNumberOfMessagesVisible(highest)],
    [
      'Dead letters',
      deadLetters.metricApproximateNumberOfMessagesVisible(highest),
      measured(indexer, 'RecordsDeadLettered', Stats.SUM, PERIOD),
    ],
  )
}

function apiRow({ api }: Watched) {
  const latency = (p: number) => api.metricLatency({ statistic: Stats.p(p), period: PERIOD, label: `p${p}` })
  return row(
    ['Requests', api.metricCount(sum)],
    ['Milliseconds to the answer', latency(50), latency(99)],
    ['Failed requests', api.metricClientError({ ...sum, label: '4xx' }), api.metricServerError({ ...sum, label: '5xx' })],
  )
}

function functionRow({ functions }: Watched) {
  const all = Object.entries(functions)
  return row(
    ['Errors of functions', ...all.map(([label, each]) => each.metricErrors({ ...sum, label }))],
    ['Refused starts', ...all.map(([label, each]) => each.metricThrottles({ ...sum, label }))],
    ['Milliseconds of functions, longest', ...all.map(([label, each]) => each.metricDuration({ ...highest, label }))],
    ['Functions running', ...all.map(([label, each]) => each.metric('ConcurrentExecutions', { ...highest, label }))],
  )
}

function upkeepRow({ functions }: Watched) {
  const hour = Duration.hours(1)
  return row(
    ['Drift that reconciles found', measured(functions.reconciler, 'Drift', Stats.SUM, hour)],
    ['Reconciles finished', measured(functions.reconciler, 'ReconcilesFinished', Stats.SUM, hour)],
    ['Rows pruned', measured(functions.pruner, 'RowsPruned', Stats.SUM, hour)],
  )
}

function databaseRow({ instance, replica }: WatchedDatabase) {
  return row(
    ['CPU of the database, %', instance.metricCPUUtilization(average)],
    ['Bytes free', instance.metricFreeStorageSpace(average), instance.metricFreeableMemory(average)],
    ['Reads and writes per second', instance.metricReadIOPS(average), instance.metricWriteIOPS(average)],
    ...(replica ? [['Seconds the replica is behind', replica.metric('ReplicaLag', highest)] as Graph] : []),
  )
}

function proxyRow({ instance, proxy }: WatchedDatabase) {
  return row(
    ['Connections to the database', instance.metricDatabaseConnections(highest)],
    ['Connections to the proxy', proxyMetric(proxy, 'ClientConnections', Stats.SUM)],
    ['Connections pinned', proxyMetric(proxy, 'DatabaseConnectionsCurrentlySessionPinned', Stats.SUM)],
    ['Microseconds to get a connection', proxyMetric(proxy, 'DatabaseConnectionsBorrowLatency', Stats.AVERAGE)],
  )
}

type Graph = [title: string, ...metrics: IMetric[]]

/** Graphs side by side over the 24 columns of a dashboard. */
function row(...graphs: Graph[]): GraphWidget[] {
  return graphs.map(([title, ...left]) => new GraphWidget({ title, left, width: 24 / graphs.length, leftYAxis: { min: 0 } }))
}
