import { createHash, randomBytes } from 'node:crypto'

/** A random version id with its sequence number inside, so that a listing can continue after a version that was deleted meanwhile. */
export function newVersionId(sequence: number): string {
  const random = randomBytes(17)
  const hidden = Buffer.alloc(7)
  hidden.writeUIntBE(Math.floor(sequence / 256), 0, 6)
  hidden[6] = sequence % 256
  return Buffer.concat([random, xor(hidden, random)])
    .toString('base64url')
    .replaceAll('-', '.')
}

/** The sequence number inside a version id; undefined for `null` and for anything that is not a version id. */
export function sequenceOfVersionId(versionId: string): number | undefined {
  if (!isVersionId(versionId) || versionId === 'null') return undefined
  const bytes = Buffer.from(versionId.replaceAll('.', '-'), 'base64url')
  const hidden = xor(bytes.subarray(17), bytes.subarray(0, 17))
  return hidden.readUIntBE(0, 6) * 256 + hidden[6]!
}

/** Whether a text can be a version id of this server. S3 rejects anything else with InvalidArgument. */
export function isVersionId(text: string): boolean {
  return text === 'null' || /^[A-Za-z0-9._]{32}$/.test(text)
}

function xor(bytes: Buffer, random: Buffer): Buffer {
  const mask = createHash('md5').update(random).digest()
  return Buffer.from(bytes.map((byte, index) => byte ^ mask[index]!))
}
