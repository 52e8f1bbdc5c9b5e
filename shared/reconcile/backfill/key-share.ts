import type { S3Client } from '@aws-sdk/client-s3'
import { fetchVersionPage } from '../../s3/version-pages.ts'

/** Characters after the common prefix of all keys that are used to place a key among them. */
const PRECISION = 5

/**
 * Estimates which share (0 to 1) of the keys with a prefix lies between the first of them and `last`, from their names alone: names are read
 * as numbers whose digits are the characters used. Sends a few dozen requests to find the last key.
 */
export async function estimateKeyShare(
  s3: S3Client,
  { bucket, prefix, first, last }: { bucket: string; prefix: string; first: string; last: string },
): Promise<number> {
  const next = async (marker: string): Promise<string | undefined> => {
    const { entries } = await fetchVersionPage(s3, { bucket, prefix, after: { key: marker }, pageSize: 1 })
    return entries[0]?.key
  }
  const { common, end } = await findEnd(next, prefix, first)
  const digits = Array.from({ length: PRECISION }, (_, n) => alphabet([first, last, end].map(key => key[common + n] ?? '')))
  const [from, to, until] = [first, last, end].map(key => place(key.slice(common), digits))
  // `end` is a prefix of the last keys: they lie up to one step after it.
  const whole = until! + digits.reduce((step, { length }) => step / (length + 1), 1) - from!
  return Math.min(1, Math.max((to! - from!) / whole, Number.EPSILON))
}

/** Finds the beginning of the last key character by character, and how many of its characters all keys share. */
async function findEnd(
  next: (marker: string) => Promise<string | undefined>,
  prefix: string,
  first: string,
): Promise<{ common: number; end: string }> {
  let common = prefix.length
  while (common < first.length && (await next(`${first.slice(0, common + 1)}\u{10ffff}`)) === undefined) common++
  let end = first.slice(0, common)
  for (let n = 0; n < PRECISION; n++) {
    // Just below the least printable character, which means that no key continues here.
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

/** Classes of characters: where one character of a class is used, all of them are assumed to be. */
const CLASSES = ['0123456789', 'abcdef', 'ghijklmnopqrstuvwxyz', 'ABCDEF', 'GHIJKLMNOPQRSTUVWXYZ']

function alphabet(seen: string[]): string[] {
  const all = seen.flatMap(character => [...(CLASSES.find(one => character !== '' && one.includes(character)) ?? character)])
  return [...new Set(all)].sort()
}

/** A name as a fraction of 1: each character is a digit, and 0 stands for no character. */
function place(name: string, digits: string[][]): number {
  let value = 0
  let step = 1
  for (const [n, letters] of digits.entries()) {
    step /= letters.length + 1
    value += step * (letters.indexOf(name[n] ?? '') + 1)
  }
  return value
}
