import type { Command } from 'commander'
import { deleteVersions } from '../../../shared/s3/delete-versions.ts'
import { checkBucketAccess, openBucket } from '../../connect/bucket.ts'
import { getJson } from '../../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { bold, formatCount, printLine, printNext, shellQuote } from '../../terminal/print.ts'
import { type Document, waitForHistory } from '../../walkthrough/document.ts'
import { walkthroughSteps } from '../../walkthrough/steps.ts'

/** `catalog demo`: prints the life of a document step by step; fails when the catalog is wrong. */
export function addDemo(program: Command): void {
  const command = program
    .command('demo')
    .description('show the life of a document: upload, find, replace, download, audit; fails if a result is wrong')
    .option('--clean', 'delete the document afterwards')
    .addHelpText('after', `\nIt uses the key ${KEY}.\n\nExamples:\n  npx catalog demo\n  npx catalog demo --clean\n`)
    .action(demo)
  addTargetOptions(command)
}

const KEY = 'demo/finance/invoice-2024-001.txt'

async function demo(flags: TargetFlags & { clean?: boolean }): Promise<void> {
  const target = resolveTarget(flags)
  const bucket = openBucket(target)
  await getJson(target, '/health')
  await checkBucketAccess(bucket)
  const document: Document = {
    target,
    bucket,
    key: KEY,
    contents: [
      'Invoice 2024-001\nThree boxes of pencils: 12.00\n',
      'Invoice 2024-001, corrected\nThree boxes of pencils: 11.00\n',
    ],
    contentType: 'text/plain',
    metadata: { customer: 'Kestrel' },
    tags: { status: 'sent' },
    queries: ['invoice 2024', 'kestrel', 'invo*'],
    versionIds: [],
  }
  await deleteDocument(document)
  try {
    for (const [n, { title, run }] of walkthroughSteps.entries()) {
      printLine(bold(`${n + 1}. ${title}`))
      for (const line of (await run(document)).details) printLine(`   ${line}`)
    }
  } finally {
    if (flags.clean) {
      const deleted = await deleteDocument(document)
      printLine(`Deleted ${formatCount(deleted, 'version')} of ${KEY} from the bucket. The audit trail is kept.`)
    }
  }
  printLine('All steps passed.')
  const commands = [`versions ${shellQuote(KEY)}`, `audit ${shellQuote(KEY)}`]
  printNext(...[...(flags.clean ? [] : commands), 'upload <folder>'].map(words => npxCommand(words, flags)))
}

/** Deletes all versions of the document and waits until the catalog has none of them. */
async function deleteDocument(document: Document): Promise<number> {
  const { s3, name: bucket } = document.bucket
  const deleted = await deleteVersions(s3, { bucket, prefix: document.key, includes: key => key === document.key })
  await waitForHistory(document, [])
  return deleted
}
