import { hash } from 'node:crypto'
import type { Digest } from '../catalog/run-results.ts'
import type { ListedKey } from '../listing.ts'

/** A digest under construction: add the versions of each key once. */
export type DigestSum = { add(keyVersions: Pick<ListedKey, 'key' | 'versions'>): void; digest(): Digest }

/** Starts a digest, or continues one. */
export function startDigest({ count, hash: sum }: Digest = { count: 0, hash: '' }): DigestSum {
  const lanes = new Uint32Array(8)
  lanes.set(new Uint32Array(Uint8Array.from(Buffer.from(sum, 'hex')).buffer))
  let versionsSoFar = count
  return {
    add({ key, versions }) {
      versionsSoFar += versions.length
      for (const { versionId, isLatest, isDeleteMarker, size, etag } of versions) {
        const own = hash('sha256', JSON.stringify([key, versionId, isLatest, isDeleteMarker, size, etag]), 'buffer')
        // A sum does not depend on the order, and unlike with XOR equal terms do not cancel out.
        for (let lane = 0; lane < lanes.length; lane++) lanes[lane]! += own.readUInt32LE(lane * 4)
      }
    },
    digest: () => ({ count: versionsSoFar, hash: Buffer.from(lanes.buffer).toString('hex') }),
  }
}
