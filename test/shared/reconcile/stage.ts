import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { expect } from 'vitest'
import { indexer } from '../../../functions/queue/index-batch.ts'
import {
  emptyFindings,
  type Findings,
  openRun,
  type ReconcileRun,
  type ReconcileScope,
} from '../../../shared/catalog/reconcile-runs.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { type ReconcileOptions, reconcile } from '../../../shared/reconcile/reconcile.ts'
import { currentOf, objectsInCatalog, type TestS3, versionsInBucket, versionsInCatalog } from '../../support/s3/bucket.ts'
import { sqsEvent } from '../../support/sqs.ts'

/** Writes an object with metadata; returns its version id. */
export async function put({ s3 }: TestS3, Key: string, Body = 'x', Bucket = 'docs'): Promise<string> {
  const { VersionId } = await s3.send(
    new PutObjectCommand({ Bucket, Key, Body, ContentType: 'text/plain', Metadata: { body: Body } }),
  )
  return VersionId ?? 'null'
}

/** Deletes a key, or one version of it for good. */
export async function remove({ s3 }: TestS3, Key: string, VersionId?: string, Bucket = 'docs'): Promise<void> {
  await s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }))
}

/** Indexes the events so far, and forgets them. */
export async function deliver(sql: Sql, bucket: TestS3): Promise<void> {
  const bodies = bucket.events.splice(0)
  const handler = indexer({ sql, s3: bucket.s3, sendDeadLetter: async () => false, maxReceives: 5 })
  expect(await handler(sqsEvent(bodies))).toEqual({ batchItemFailures: [] })
}

/** Loses the events so far. */
export function lose(bucket: TestS3): void {
  bucket.events.length = 0
}

/** Opens and works a run, without a grace period by default. */
export async function run(
  sql: Sql,
  bucket: TestS3,
  scope: Partial<ReconcileScope<'reconcile'>> = {},
  options: ReconcileOptions = {},
): Promise<ReconcileRun> {
  return reconcile(sql, bucket.s3, await openRun(sql, { kind: 'reconcile', bucket: 'docs', ...scope }), {
    graceSeconds: 0,
    ...options,
  })
}

/** The findings about differences, without those that depend on the traffic and on the time. */
export type DriftFindings = Omit<Findings, 'requests' | 'versions' | 'refreshed' | 'oldestSeconds'>

/** The findings of a run about differences. */
export function driftIn({ findings }: ReconcileRun): DriftFindings {
  return onlyDrift(findings)
}

/** Those findings with zeros but for the ones named. */
export function drift(found: Partial<Findings>): DriftFindings {
  return { ...onlyDrift(emptyFindings()), ...found }
}

function onlyDrift({ requests: _, versions: __, refreshed: ___, oldestSeconds: ____, ...drift }: Findings): DriftFindings {
  return drift
}

/** Version by version and object by object, with metadata and tags. */
export async function expectEqual(sql: Sql, bucket: TestS3, name = 'docs'): Promise<void> {
  const truth = await versionsInBucket(bucket.s3, name)
  expect(await versionsInCatalog(sql, name)).toEqual(truth)
  expect(await objectsInCatalog(sql, name)).toEqual(currentOf(truth))
}
