import { compareKeys } from '../key-order.ts'
import { decodeKey } from './key-encoding.ts'

/** What a listing says about its keys: `EncodingType` is `url` where they are encoded. */
export type ListedKeys = { EncodingType?: string; NextKeyMarker?: string }

/** How to read the keys of one page. A server that ignores `encoding-type=url` does not return `EncodingType` (moto). */
export function keyReader({ EncodingType }: ListedKeys): (key: string) => string {
  return EncodingType === 'url' ? decodeKey : key => key
}

/**
 * The key after which the next page begins. `last` is the last key of this page, `after` the one that the page was asked for.
 *
 * AWS and MinIO encode the marker as they encode the keys; Ceph does not (radosgw 16 to 19). A marker that equals the last key as it is cannot be
 * encoded, unless it decodes to itself. On a page without keys nothing decides, so the smaller of both that advances is used: it may
 * list some keys again, but skips none.
 */
export function nextKeyMarker({ EncodingType, NextKeyMarker = '' }: ListedKeys, last: string | undefined, after = ''): string {
  if (EncodingType !== 'url' || NextKeyMarker === last) return NextKeyMarker
  const decoded = decodedOrSame(NextKeyMarker)
  if (last !== undefined) return decoded
  const [smaller = '', larger = ''] = [NextKeyMarker, decoded].sort(compareKeys)
  return compareKeys(smaller, after) > 0 ? smaller : larger
}

function decodedOrSame(marker: string): string {
  try {
    return decodeKey(marker)
  } catch {
    return marker
  }
}
