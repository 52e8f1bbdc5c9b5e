import { setTimeout as sleep } from 'node:timers/promises'
import type { StoredVersion } from '../../shared/catalog/versions.ts'
import type { Page } from '../../shared/database/page.ts'
import { getJson, type Jsonify } from '../connect/get-json.ts'
import { npxCommand, type Target, type TargetFlags } from '../connect/target.ts'
import { CliError } from '../terminal/cli-error.ts'
import { logLine, printable, shellQuote } from '../terminal/print.ts'

/** A version as the API returns it. */
export type Version = Jsonify<StoredVersion>

/** The latest version of a key in the catalog, or the one with an id; it may be a delete marker. Throws CliError when there is none. */
export async function findVersion(target: Target, flags: TargetFlags, key: string, versionId?: string): Promise<Version> {
  let cursor: string | undefined
  do {
    const limit = versionId === undefined ? 1 : 1000
    const page = await getJson<Page<Version>>(target, '/versions', { bucket: target.bucket, key, limit, cursor })
    const found = versionId === undefined ? page.items[0] : page.items.find(version => version.versionId === versionId)
    if (found) return found
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  if (versionId === undefined)
    throw new CliError(
      `${printable(key)} is not in the catalog. Find it with: ${npxCommand('search <words of its name>', flags)}`,
    )
  const command = npxCommand(`versions ${shellQuote(key)}`, flags)
  throw new CliError(`${printable(key)} has no version ${printable(versionId)}. List its versions with: ${command}`)
}

/** How long a command waits for the catalog to follow the bucket. */
const FOLLOW_MS = 10_000

/** Waits until the latest version of a key in the catalog is as expected; after ten seconds it says that the catalog will follow later. */
export async function waitForCatalog(
  target: Target,
  key: string,
  isExpected: (latest: Version | undefined) => boolean,
): Promise<void> {
  const end = performance.now() + FOLLOW_MS
  for (let pause = 25; ; pause = Math.min(500, pause * 1.5)) {
    const { items } = await getJson<Page<Version>>(target, '/versions', { bucket: target.bucket, key, limit: 1 })
    if (isExpected(items[0])) return
    if (performance.now() > end)
      return logLine(`The bucket is changed. The catalog has not followed yet: look again in a minute.`)
    await sleep(pause)
  }
}
