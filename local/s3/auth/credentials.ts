import { randomBytes, timingSafeEqual } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { S3Error } from '../errors.ts'

/** The access key and secret that sign requests. */
export type Credentials = { accessKeyId: string; secretAccessKey: string }

/** The credentials that sign presigned URLs of an endpoint that was started without its own. Tests only. */
export const testCredentials: Credentials = { accessKeyId: 'catalog', secretAccessKey: 'catalog-secret' }

/**
 * The credentials in a file that only its owner can read, created with random ones if it does not exist. They have the form of AWS's own,
 * because some clients check it, and stay the same at each start, so that they can be kept in a profile.
 */
export function ownCredentials(file: string): Credentials {
  if (!existsSync(file)) {
    const created: Credentials = { accessKeyId: `LKIA${randomName(16)}`, secretAccessKey: randomBytes(30).toString('base64url') }
    writeFileSync(`${file}.new`, `${JSON.stringify(created, null, 2)}\n`, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  chmodSync(file, 0o600)
  const { accessKeyId, secretAccessKey } = JSON.parse(readFileSync(file, 'utf8')) as Credentials
  return { accessKeyId, secretAccessKey }
}

/** Throws InvalidAccessKeyId for any other access key. */
export function requireAccessKey(accessKeyId: string | undefined, credentials: Credentials): void {
  if (accessKeyId !== credentials.accessKeyId) {
    throw new S3Error('InvalidAccessKeyId', { details: { AWSAccessKeyId: accessKeyId } })
  }
}

/** Compares signatures in constant time. */
export function isSameSignature(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)]
  return a.length === b.length && timingSafeEqual(a, b)
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

const randomName = (length: number) => Array.from(randomBytes(length), byte => letters[byte % letters.length]).join('')
