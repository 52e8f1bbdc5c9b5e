import type { BucketStatistics } from '../../shared/catalog/statistics.ts'
import { CliError } from '../terminal/cli-error.ts'
import { printable } from '../terminal/print.ts'
import { getJson, type Jsonify } from './get-json.ts'
import type { Target, TargetFlags } from './target.ts'

/** The bucket that a flag or the environment names, in place of the catalog's own. */
export function requestedBucket({ bucket }: TargetFlags, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return bucket ?? (env.CATALOG_BUCKET || undefined)
}

/** Throws CliError when somebody named a bucket of which the catalog has never heard: what it answers of that is no emptiness. */
export async function failIfBucketUnknown(target: Target, flags: TargetFlags): Promise<void> {
  const bucket = requestedBucket(flags)
  if (bucket === undefined) return
  const { items } = await getJson<{ items: Jsonify<BucketStatistics>[] }>(target, '/buckets')
  const known = items.map(item => printable(item.bucket))
  if (known.includes(printable(bucket))) return
  const others = known.length > 0 ? `; it knows ${known.join(', ')}` : ''
  throw new CliError(`The catalog knows nothing of bucket ${printable(bucket)}: no object of it was ever indexed${others}`)
}
