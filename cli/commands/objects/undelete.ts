import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { type Command, Option } from 'commander'
import type { ListedKey } from '../../../shared/listing.ts'
import { listBucketVersions } from '../../../shared/s3/list-versions.ts'
import { type Bucket, checkBucketAccess, explainS3Error, openBucket } from '../../connect/bucket.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { waitForCatalog } from '../../objects/catalog-version.ts'
import { CliError } from '../../terminal/cli-error.ts'
import { formatCount, logLine, printable, printLine, printNext, shellQuote } from '../../terminal/print.ts'
import { parseTime } from '../../terminal/time.ts'

/** `catalog undelete <keys...>`: deletes the delete markers of keys, so that their last versions are the latest again. */
export function addUndelete(program: Command): void {
  const command = program
    .command('undelete')
    .description('bring deleted objects back: delete their delete markers')
    .argument('<keys...>', 'full keys, or with --recursive prefixes')
    .option('--recursive', 'all deleted keys with these prefixes')
    .addOption(new Option('--since <time>', 'only keys deleted at this time or later').argParser(parseTime))
    .addHelpText(
      'after',
      `
Examples:
  npx catalog undelete documents/invoice.pdf
  npx catalog undelete --recursive documents/2019/ --since "2026-03-14 15:00:00"
`,
    )
    .action(undelete)
  addTargetOptions(command)
}

async function undelete(names: string[], flags: TargetFlags & { recursive?: boolean; since?: string }): Promise<void> {
  const target = resolveTarget(flags)
  const bucket = openBucket(target)
  await checkBucketAccess(bucket)
  const since = flags.since === undefined ? 0 : Date.parse(flags.since) / 1000
  const counts = { undeleted: 0, 'not deleted': 0, lost: 0 }
  let missing = 0
  let last = ''
  for (const name of names) {
    let found = 0
    for await (const listed of keysOf(bucket, name, flags.recursive === true)) {
      const result = await deleteTopMarkers(bucket, listed, since)
      counts[result]++
      found++
      if (result === 'undeleted') last = listed.key
      else if (!flags.recursive) logLine(`${printable(name)} ${describeResult(result, since)}`)
    }
    if (found > 0) continue
    logLine(`The bucket has no version of ${printable(name)}`)
    missing++
  }
  const { undeleted, lost } = counts
  if (undeleted > 0) await waitForCatalog(target, last, latest => latest?.isDeleteMarker === false)
  printLine(`${formatCount(undeleted, 'object')} undeleted.`)
  if (lost > 0 && flags.recursive) logLine(`${formatCount(lost, 'key')} ${describeResult('lost', since)}`)
  if (missing > 0) throw new CliError(`${formatCount(missing, 'name')} not found. Look for it with: ${npxCommand('list', flags)}`)
  // Below a prefix they are not what was asked for: a lifecycle rule leaves them behind.
  if (lost > 0 && !flags.recursive) throw new CliError(`${formatCount(lost, 'object')} cannot be undeleted`)
  if (undeleted > 0) printNext(npxCommand(`versions ${shellQuote(last)}`, flags))
}

/** What was done about a key. `lost`: it has only delete markers, so there is no version to bring back. */
type Result = 'undeleted' | 'not deleted' | 'lost'

function describeResult(result: Result, since: number): string {
  if (result === 'lost') return 'cannot be undeleted: no version is left, only delete markers'
  return `is not deleted${since > 0 ? ' since then' : ''}`
}

/** The key with this name, or the keys with this prefix, with all their versions, newest first. */
async function* keysOf({ s3, name: bucket }: Bucket, name: string, isPrefix: boolean): AsyncGenerator<ListedKey> {
  for await (const listed of listBucketVersions(s3, { bucket, prefix: name, now: async () => '' })) {
    // Of all keys with this prefix the key itself comes first.
    if (!isPrefix && listed.key !== name) return
    yield listed
    if (!isPrefix) return
  }
}

/** Deletes the markers above the last version of a key that was deleted since a time (seconds). */
async function deleteTopMarkers(bucket: Bucket, listed: ListedKey, since: number): Promise<Result> {
  const { s3, name: Bucket } = bucket
  let result: Result = 'not deleted'
  // A listing does not have the order of versions and markers of one second, only which one is the latest.
  for (let now: ListedKey | undefined = listed; now; ) {
    const marker = now.versions.find(({ isLatest }) => isLatest)
    if (now.versions.every(({ isDeleteMarker }) => isDeleteMarker)) return 'lost'
    if (!marker?.isDeleteMarker || (result === 'not deleted' && marker.lastModified < since)) return result
    try {
      await s3.send(new DeleteObjectCommand({ Bucket, Key: now.key, VersionId: marker.versionId }))
    } catch (error) {
      throw explainS3Error(error, bucket)
    }
    result = 'undeleted'
    now = (await keysOf(bucket, now.key, false).next()).value ?? undefined
  }
  return result
}
