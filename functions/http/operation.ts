import type { S3Client } from '@aws-sdk/client-s3'
import type { Body, OperationId, Query } from '../../shared/api/routes.ts'
import type { Sql } from '../../shared/database/connection.ts'
import { Invalid } from '../../shared/errors.ts'
import type { Caller } from './caller.ts'

/** What the operations stand on. `s3` is asked for when the first URL is signed: the SDK is most of a cold start. */
export type ApiDependencies = {
  sql: Sql
  s3: () => Promise<S3Client>
  /** The bucket that is meant where none is named. */
  defaultBucket?: string
}

/** One operation of the route table: input behind its schemas in, value of the answer out; status and headers only where they are not the table's. */
export type Operation<Id extends OperationId> = (
  parts: ApiDependencies,
  input: { query: Query<Id>; body: Body<Id>; caller: Caller },
) => Promise<{ body?: unknown; status?: number; headers?: Record<string, string> }>

/** The bucket that was named, or the default one. Throws Invalid when there is neither. */
export function bucketOf({ defaultBucket }: ApiDependencies, { bucket = defaultBucket }: { bucket?: string }): string {
  if (bucket === undefined) throw new Invalid('bucket is required: no default bucket is configured (CATALOG_BUCKET)')
  return bucket
}
