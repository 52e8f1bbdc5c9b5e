import { createHash, hash } from 'node:crypto'
import { createReadStream, type PathLike } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

/** What an ETag tells about a file of the object's size. `unknown`: it is no digest of the content, or one of parts of unknown sizes. */
export type Comparison = 'same' | 'different' | 'unknown'

/** The part size for a file, in bytes. A file of at most one part is uploaded in one request. */
export function partSize(size: number): number {
  // S3 allows 10,000 parts. Whole MiB, so that a later run computes the same ETag.
  return Math.max(8, Math.ceil(size / 10_000 / MIB)) * MIB
}

/**
 * Compares a file with an object of the same size by the object's ETag without quotes: the MD5 of the content or, of a multipart upload, the
 * MD5 of the parts' MD5s and the number of parts. `different` holds only if the object is not encrypted with KMS or a customer's key: then
 * its ETag looks like an MD5, but is not the one of the content.
 */
export async function compareWithEtag(path: PathLike, size: number, etag: string | null): Promise<Comparison> {
  if (size === 0) return 'same'
  const [, digest, parts] = /^([0-9a-f]{32})(?:-([1-9]\d{0,4}))?$/.exec(etag ?? '') ?? []
  if (digest === undefined) return 'unknown'
  if (parts === undefined) return digest === (await computeMd5(path, size)) ? 'same' : 'different'
  for (const ofPart of possiblePartSizes(size, Number(parts))) {
    if (digest === (await computePartsMd5(path, size, ofPart))) return 'same'
  }
  return 'unknown'
}

const MIB = 1024 ** 2

/** Part sizes of other clients, in MiB: the least that S3 allows, and powers of two up to 4 GiB. */
const USUAL_PART_SIZES = [5, ...Array.from({ length: 13 }, (_, n) => 2 ** n)]

/** The part sizes, in bytes, that give a file this number of parts, that of our own uploads first. */
function possiblePartSizes(size: number, parts: number): number[] {
  const possible = [partSize(size), ...USUAL_PART_SIZES.map(mib => mib * MIB)]
  const fitting = possible.filter(ofPart => Math.ceil(size / ofPart) === parts)
  return parts === 1 ? fitting.slice(0, 1) : [...new Set(fitting)]
}

async function computeMd5(path: PathLike, size: number): Promise<string> {
  if (size <= partSize(size)) return hash('md5', await readFile(path))
  return (await digestRange(path, 0, size)).toString('hex')
}

async function computePartsMd5(path: PathLike, size: number, ofPart: number): Promise<string> {
  const parts: Buffer[] = []
  for (let start = 0; start < size; start += ofPart) parts.push(await digestRange(path, start, Math.min(size, start + ofPart)))
  return hash('md5', Buffer.concat(parts))
}

/** The MD5 of the bytes from `start` (inclusive) to `end` (exclusive). */
async function digestRange(path: PathLike, start: number, end: number): Promise<Buffer> {
  const md5 = createHash('md5')
  await pipeline(createReadStream(path, { start, end: end - 1, highWaterMark: MIB }), md5)
  return md5.digest()
}
