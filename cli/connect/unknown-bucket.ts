import type { BucketStatistics } from '../../shared/catalog/statistics.ts'
import { readSetVariables } from '../../shared/environment.ts'
import { CliError } from '../terminal/cli-error.ts'
import { printable } from '../terminal/print.ts'
import { getJson, type Jsonify } from './get-json.ts'
import type { Target, TargetFlags } from './target.ts'

/** The bucket of the flag or the environment, as opposed to the default of the catalog. */
export function requestedBucket({ bucket }: TargetFlags, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return bucket ?? readSetVariables(['CATALOG_BUCKET'], env).CATALOG_BUCKET
}

/** Throws CliError when the requested bucket is not in the catalog: an empty result of it would be misleading. */
export async function failIfBucketUnknown(target: Target, flags: TargetFlags): Promise<void> {
  const bucket = requestedBucket(flags)
  if (bucket === undefined) return
  const { items } = await getJson<{ items: Jsonify<BucketStatistics>[] }>(target, '/buckets')
  const known = items.map(item => printable(item.bucket))
  if (known.includes(printable(bucket))) return
  const others = known.length > 0 ? `; the catalog has ${known.join(', ')}` : ''
  throw new CliError(`Bucket ${printable(bucket)} is not in the catalog: no object of it was ever indexed${others}`)
}
