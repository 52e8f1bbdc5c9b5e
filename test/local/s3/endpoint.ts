import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3'
import type { S3EventRecord } from 'aws-lambda'
import { test as base } from 'vitest'
import { type S3Options, type S3Server, startS3 } from '../../../local/s3/server.ts'
import { createBucket } from '../../../local/s3/store/buckets.ts'

export const credentials = { accessKeyId: 'catalog', secretAccessKey: 'catalog-secret' }

/** A real endpoint with a client of the stock SDK. `versioned`, `suspended` and `plain` are buckets of that versioning. */
export type Endpoint = {
  server: S3Server
  client: S3Client
  url: string
  events(): S3EventRecord[]
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts an endpoint, in memory by default. */
export async function startEndpoint(options: Partial<S3Options> = {}): Promise<Endpoint> {
  const server = await startS3({ folder: ':memory:', ...options })
  createBucket(server.store, 'versioned', { versioning: 'Enabled' })
  createBucket(server.store, 'suspended', { versioning: 'Suspended' })
  createBucket(server.store, 'plain')
  const client = clientOf(server.url)
  return {
    server,
    client,
    url: server.url,
    events: () => server.events.messages(10_000).flatMap(message => JSON.parse(message.body).Records as S3EventRecord[]),
    async [Symbol.asyncDispose]() {
      client.destroy()
      await server.close()
    },
  }
}

export function clientOf(endpoint: string, signer = credentials): S3Client {
  return new S3Client({ endpoint, credentials: signer, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 })
}

/** vitest's `test` with an endpoint for each test. */
export const s3Test = base.extend<{ s3: Endpoint }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures a fixture needs
  s3: async ({}, use) => {
    await using endpoint = await startEndpoint()
    await use(endpoint)
  },
})

/** A folder that is removed after the test. */
export async function temporaryFolder(): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 's3-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The code and status of a failed call; a call that succeeds fails the test. */
export async function failure(call: Promise<unknown>): Promise<[string, number | undefined]> {
  try {
    await call
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } }
    return [name, $metadata?.httpStatusCode]
  }
  throw new Error('expected an error')
}

/** The versions of a bucket by ListObjectVersions: key, id, `version` or `marker`, and `latest`. */
export async function history(client: S3Client, bucket: string): Promise<string[]> {
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }))
  const line = (kind: string) => (entry: { Key?: string; VersionId?: string; IsLatest?: boolean }) =>
    [entry.Key, entry.VersionId, kind, ...(entry.IsLatest ? ['latest'] : [])].join(' ')
  return [...Versions.map(line('version')), ...DeleteMarkers.map(line('marker'))].sort()
}

/** The headers of a signed request, for requests that no client would send. */
export function signedHeaders(accessKey = 'any'): Record<string, string> {
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKey}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0`,
  }
}
