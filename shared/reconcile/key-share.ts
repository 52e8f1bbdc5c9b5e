import { ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3'
import { decodeListedKey } from '../s3/head-version.ts'

/** Characters behind the common beginning of all keys that tell where a key lies among them. */
const PRECISION = 5

/**
 * Which share (0 to 1) of the keys with a prefix lies between the first of them and `last`, as far as their names tell: taken for
 * numbers whose digits are the characters that such names use. Asks S3 a few dozen times for where the keys end.
 */
export async function estimateKeyShare(
  s3: S3Client,
  { bucket, prefix, first, last }: { bucket: string; prefix: string; first: string; last: string },
): Promise<number> {
  const next = async (marker: string): Promise<string | undefined> => {
    const page = await s3.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, KeyMarker: marker, MaxKeys: 1, EncodingType: 'url' }),
    )
    const key = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])][0]?.Key
    return key === undefined ? undefined : decodeListedKey(key)
  }
  const { common, end } = await findEnd(next, prefix, first)
  const digits = Array.from({ length: PRECISION }, (_, n) => alphabet([first, last, end].map(key => key[common + n] ?? '')))
  const [from, to, until] = [first, last, end].map(key => place(key.slice(common), digits))
  // The end is a beginning of the last keys: they lie up to one step behind it.
  const whole = until! + digits.reduce((step, { length }) => step / (length + 1), 1) - from!
  return Math.min(1, Math.max((to! - from!) / whole, Number.EPSILON))
}

/** The beginning of the last key, found character by character, and how many of its characters all keys share. */
async function findEnd(
  next: (marker: string) => Promise<string | undefined>,
  prefix: string,
  first: string,
): Promise<{ common: number; end: string }> {
  let common = prefix.length
  while (common < first.length && (await next(`${first.slice(0, common + 1)}\u{10ffff}`)) === undefined) common++
  let end = first.slice(0, common)
  for (let n = 0; n < PRECISION; n++) {
    // Below the least printable character: no key goes on here.
    let low = 0x1f
    let high = 0x7e
    while (low < high) {
      const middle = (low + high + 1) >> 1
      const found = await next(`${end}${String.fromCharCode(middle - 1)}\u{10ffff}`)
      if (found === undefined) high = middle - 1
      else low = Math.max(middle, Math.min(high, found.charCodeAt(end.length)))
    }
    if (low === 0x1f) break
    end += String.fromCharCode(low)
  }
  return { common, end }
}

/** Names use whole classes of characters: one that has a digit has all of them somewhere. */
const CLASSES = ['0123456789', 'abcdef', 'ghijklmnopqrstuvwxyz', 'ABCDEF', 'GHIJKLMNOPQRSTUVWXYZ']

function alphabet(seen: string[]): string[] {
  const all = seen.flatMap(character => [...(CLASSES.find(one => character !== '' && one.includes(character)) ?? character)])
  return [...new Set(all)].sort()
}

/** A name as a fraction of 1: each character is a digit, and 0 that there is none. */
function place(name: string, digits: string[][]): number {
  let value = 0
  let step = 1
  for (const [n, letters] of digits.entries()) {
    step /= letters.length + 1
    value += step * (letters.indexOf(name[n] ?? '') + 1)
  }
  return value
}
