import { GetBucketVersioningCommand } from '@aws-sdk/client-s3'
import { deleteVersions } from '../../shared/s3/delete-versions.ts'
import { checkBucketAccess } from '../connect/bucket.ts'
import { getJson } from '../connect/get-json.ts'
import { CliError } from '../terminal/cli-error.ts'
import { formatCount } from '../terminal/print.ts'
import { waitForHistory } from '../walkthrough/document.ts'
import { deleteStep, type Step, walkthroughSteps } from '../walkthrough/steps.ts'
import type { Check, CheckContext } from './check.ts'

/** The API, the bucket, and the life of a document in both. */
export const walkthroughChecks: Check[] = [
  { name: 'API', run: checkApi },
  { name: 'bucket', run: checkBucket },
  ...[...walkthroughSteps, deleteStep].map(toCheck),
]

/** Deletes what the checks wrote to the bucket, also after a failure. */
export const cleanUp: Check = { name: 'clean up', needs: ['bucket'], run: deleteDocument }

async function checkApi({ target }: CheckContext): Promise<string> {
  await getJson(target, '/health')
  return target.apiUrl
}

async function checkBucket({ bucket }: CheckContext): Promise<string> {
  await checkBucketAccess(bucket)
  const { Status } = await bucket.s3.send(new GetBucketVersioningCommand({ Bucket: bucket.name }))
  if (Status !== 'Enabled') throw new CliError(`bucket ${bucket.name} is not versioned: enable versioning`)
  return `${bucket.name} at ${bucket.address}, versioned`
}

function toCheck({ name, needs, run }: Step): Check {
  return {
    name,
    needs: needs.length > 0 ? needs : ['API', 'bucket'],
    run: async ({ document }) => (await run(document)).summary,
  }
}

async function deleteDocument({ bucket, document }: CheckContext): Promise<string> {
  const deleted = await deleteVersions(bucket.s3, { bucket: bucket.name, prefix: document.key })
  if (deleted > 0) await waitForHistory(document, [])
  return `${formatCount(deleted, 'version')} deleted`
}
