import type { S3Client } from '@aws-sdk/client-s3'
import type { Body, OperationId, Query } from '../../shared/api/routes.ts'
import type { Client } from '../../shared/database/connection.ts'
import { Invalid } from '../../shared/errors.ts'
import type { Caller } from './caller.ts'

/** What the operations use. `s3` is loaded when the first URL is signed: the SDK is most of a cold start. */
export type ApiDependencies = {
  sql: Client
  s3: () => Promise<S3Client>
  /** Makes the reconciler work on a run, without waiting for it. */
  startRun: (runId: number) => Promise<unknown>
  /** The bucket of requests that name none. */
  defaultBucket?: string
}

/** One operation of the route table: takes input that its schemas have checked, returns the body; status and headers only where they differ from the table. */
export type Operation<Id extends OperationId> = (
  dependencies: ApiDependencies,
  input: { query: Query<Id>; body: Body<Id>; caller: Caller },
) => Promise<{ body?: unknown; status?: number; headers?: Record<string, string> }>

/** The bucket that a request names, or the default one. Throws Invalid when there is neither. */
export function bucketOf({ defaultBucket }: ApiDependencies, { bucket = defaultBucket }: { bucket?: string }): string {
  if (bucket === undefined) throw new Invalid('bucket is required: no default bucket is configured (CATALOG_BUCKET)')
  return bucket
}
