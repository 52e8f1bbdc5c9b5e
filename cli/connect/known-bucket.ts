import type { BucketStatistics } from '../../shared/catalog/statistics.ts'
import { Failure } from '../terminal/failure.ts'
import { printable } from '../terminal/print.ts'
import { ask, type Wire } from './ask.ts'
import type { Place, PlaceFlags } from './where.ts'

/** The bucket that a flag or the environment names, in place of the catalog's own. */
export function namedBucket({ bucket }: PlaceFlags, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return bucket ?? (env.CATALOG_BUCKET || undefined)
}

/** Throws Failure when somebody named a bucket of which the catalog has never heard: what it answers of that is no emptiness. */
export async function refuseUnknownBucket(place: Place, flags: PlaceFlags): Promise<void> {
  const bucket = namedBucket(flags)
  if (bucket === undefined) return
  const { items } = await ask<{ items: Wire<BucketStatistics>[] }>(place, '/buckets')
  const known = items.map(item => printable(item.bucket))
  if (known.includes(printable(bucket))) return
  const others = known.length > 0 ? `; it knows ${known.join(', ')}` : ''
  throw new Failure(`The catalog knows nothing of bucket ${printable(bucket)}: no object of it was ever indexed${others}`)
}
