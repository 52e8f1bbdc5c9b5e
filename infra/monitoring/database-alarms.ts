import { Duration } from 'aws-cdk-lib'
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import type { IDatabaseInstance, IDatabaseProxy } from 'aws-cdk-lib/aws-rds'
import type { AlarmRule } from './alarm.ts'

/** A database with its sizes, which its construct does not expose. */
export type MonitoredDatabase = {
  instance: IDatabaseInstance
  proxy: IDatabaseProxy
  replica?: IDatabaseInstance
  maxConnections: number
  memoryGiB: number
  /** Allocated at the start; RDS adds storage later. */
  storageGiB: number
}

const GIB = 1024 ** 3

/** The alarms about the database, its proxy and its replica. */
export function databaseRules({ instance, proxy, replica, ...sizes }: MonitoredDatabase): AlarmRule[] {
  const average = { statistic: Stats.AVERAGE, period: Duration.minutes(5) }
  const lowest = { statistic: Stats.MINIMUM, period: Duration.minutes(5) }
  return [
    {
      section: 'database-cpu',
      means: 'The database has used over 80 % of its CPU for 15 minutes: everything is slower.',
      metric: instance.metricCPUUtilization(average),
      periods: 3,
      atLeast: 80,
    },
    {
      section: 'database-connections',
      means: `Over 80 % of the ${sizes.maxConnections} connections that the database allows have been open for 15 minutes.`,
      metric: instance.metricDatabaseConnections(average),
      periods: 3,
      atLeast: Math.floor(sizes.maxConnections * 0.8),
    },
    {
      section: 'database-storage',
      means:
        'Under 5 % of the storage is free. It grows by itself at 10 %, so it has reached its limit, or it grew less than six hours ago and may not grow again yet.',
      metric: instance.metricFreeStorageSpace(lowest),
      periods: 1,
      below: Math.floor(sizes.storageGiB * GIB * 0.05),
    },
    {
      section: 'database-memory',
      means: 'Under 5 % of the memory of the database has been free for 15 minutes: it may start to swap or be restarted.',
      metric: instance.metricFreeableMemory(average),
      periods: 3,
      below: Math.floor(sizes.memoryGiB * GIB * 0.05),
    },
    {
      section: 'proxy-pinning',
      means:
        'For 15 minutes the proxy could not share a connection, because a session changed its state: connections will run out under load.',
      metric: proxyMetric(proxy, 'DatabaseConnectionsCurrentlySessionPinned', Stats.SUM),
      periods: 15,
      atLeast: 1,
    },
    ...(replica ? [replicaLag(replica)] : []),
  ]
}

/** A metric of the proxy. Each of its machines reports its own share, every minute. */
export function proxyMetric({ dbProxyName }: IDatabaseProxy, metricName: string, statistic: string): Metric {
  const dimensionsMap = { ProxyName: dbProxyName }
  return new Metric({ namespace: 'AWS/RDS', metricName, dimensionsMap, statistic, period: Duration.minutes(1) })
}

function replicaLag(replica: IDatabaseInstance): AlarmRule {
  return {
    section: 'replica-lag',
    means: 'The replica has lagged by a minute or more for 15 minutes.',
    metric: replica.metric('ReplicaLag', { statistic: Stats.MAXIMUM, period: Duration.minutes(5) }),
    periods: 3,
    atLeast: 60,
  }
}
