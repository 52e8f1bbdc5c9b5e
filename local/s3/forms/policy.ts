import { createHmac } from 'node:crypto'
import { type Credentials, isSameSignature, requireAccessKey } from '../auth/credentials.ts'
import { sign } from '../auth/signature-v4.ts'
import { invalidArgument, S3Error } from '../errors.ts'

/** The sizes in bytes that a policy allows for the file. */
export type SizeRange = { min: number; max: number }

/** The largest file of a form: 5 GiB. */
const MAX_FILE_BYTES = 5 * 1024 ** 3

/**
 * Verifies the signed policy of a form (S3 API reference, "POST policy"), of signature version 4 or 2, and that it allows every field. Returns the
 * access key and the sizes that it allows. A form without a policy is AccessDenied.
 */
export function checkPolicy(
  fields: ReadonlyMap<string, string>,
  bucket: string,
  credentials: Credentials,
  now: number,
): { accessKey: string; size: SizeRange } {
  const encoded = fields.get('policy')
  if (encoded === undefined) throw new S3Error('AccessDenied')
  verifySignature(fields, encoded, credentials)
  const { expiration, conditions } = parsePolicy(encoded)
  if (now > expiration) throw denied('Policy expired.')
  const values = new Map([...fields, ['bucket', bucket]])
  const size: SizeRange = { min: 0, max: MAX_FILE_BYTES }
  const covered = new Set<string>()
  for (const condition of conditions) {
    if (condition.operator === 'content-length-range') {
      size.min = Math.max(size.min, condition.min)
      size.max = Math.min(size.max, condition.max)
      continue
    }
    const { operator, name, value } = condition
    const given = values.get(name) ?? ''
    const holds = operator === 'eq' ? given === value : startsWith(name, given, value)
    if (!holds) throw denied(`Policy Condition failed: ["${operator}", "$${name}", "${value}"]`)
    covered.add(name)
  }
  const extra = [...fields.keys()].find(name => !covered.has(name) && !isUncovered(name))
  if (extra !== undefined) throw denied(`Extra input fields: ${extra}`)
  return { accessKey: credentials.accessKeyId, size }
}

type Condition =
  | { operator: 'eq' | 'starts-with'; name: string; value: string }
  | { operator: 'content-length-range'; min: number; max: number }

// Fields that a policy need not mention.
const isUncovered = (name: string) =>
  ['policy', 'signature', 'x-amz-signature', 'awsaccesskeyid', 'file'].includes(name) ||
  name.startsWith('x-ignore-') ||
  name.startsWith('x-amz-checksum-')

// Each type of a list must match (S3 API reference, "POST policy", conditions on content types).
function startsWith(name: string, given: string, value: string): boolean {
  const parts = name === 'content-type' ? given.split(',') : [given]
  return parts.every(part => part.startsWith(value))
}

function verifySignature(fields: ReadonlyMap<string, string>, policy: string, credentials: Credentials): void {
  const need = (name: string) => {
    const value = fields.get(name.toLowerCase())
    if (value !== undefined) return value
    const message = `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`
    throw invalidArgument(message, name, '')
  }
  const isV4 = fields.has('x-amz-signature') || fields.has('x-amz-algorithm')
  if (!isV4) {
    requireAccessKey(need('AWSAccessKeyId'), credentials)
    const expected = createHmac('sha1', credentials.secretAccessKey).update(policy).digest('base64')
    if (!isSameSignature(expected, need('Signature')))
      throw new S3Error('SignatureDoesNotMatch', { details: { StringToSign: policy } })
    return
  }
  if (need('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256') {
    throw invalidArgument('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"', 'X-Amz-Algorithm', fields.get('x-amz-algorithm'))
  }
  const [accessKey, date = '', region = '', service, terminator] = need('X-Amz-Credential').split('/')
  if (service !== 's3' || terminator !== 'aws4_request' || !need('X-Amz-Date').startsWith(date)) {
    throw invalidArgument('Error parsing the X-Amz-Credential parameter', 'X-Amz-Credential', fields.get('x-amz-credential'))
  }
  requireAccessKey(accessKey, credentials)
  const expected = sign(policy, { date, region, service }, credentials)
  if (!isSameSignature(expected, need('X-Amz-Signature'))) {
    throw new S3Error('SignatureDoesNotMatch', { details: { StringToSign: policy } })
  }
}

function parsePolicy(encoded: string): { expiration: number; conditions: Condition[] } {
  const policy = parseJson(Buffer.from(encoded, 'base64').toString())
  if (typeof policy !== 'object' || policy === null || Array.isArray(policy)) throw invalid('Invalid JSON.')
  const { expiration, conditions } = policy as Record<string, unknown>
  if (expiration === undefined) throw invalid('Policy missing expiration.')
  if (conditions === undefined) throw invalid('Policy missing conditions.')
  const expires =
    typeof expiration === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(expiration) ? Date.parse(expiration) : Number.NaN
  if (Number.isNaN(expires)) throw invalid(`Invalid 'expiration' value: '${expiration}'`)
  if (!Array.isArray(conditions)) throw invalid("Invalid 'conditions' value: must be a List.")
  return { expiration: expires, conditions: conditions.flatMap(readCondition) }
}

function readCondition(condition: unknown): Condition[] {
  if (Array.isArray(condition)) return [readListCondition(condition)]
  if (typeof condition !== 'object' || condition === null) throw invalid('Invalid Condition.')
  const entries = Object.entries(condition)
  if (entries.length !== 1) throw invalid('Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.')
  return entries.map(([name, value]) => {
    if (typeof value !== 'string') throw invalid('Invalid Simple-Condition: value must be a string.')
    return { operator: 'eq', name: name.toLowerCase(), value }
  })
}

function readListCondition([operator, first, second, ...rest]: unknown[]): Condition {
  const kind = typeof operator === 'string' ? operator.toLowerCase() : ''
  if (rest.length > 0 || second === undefined) throw invalid('Invalid Condition: wrong number of arguments.')
  if (kind === 'content-length-range') {
    const [min, max] = [Number(first), Number(second)]
    if (!Number.isInteger(min) || !Number.isInteger(max) || min < 0) throw invalid('Invalid content-length-range.')
    return { operator: kind, min, max }
  }
  if (
    (kind !== 'eq' && kind !== 'starts-with') ||
    typeof first !== 'string' ||
    typeof second !== 'string' ||
    !first.startsWith('$')
  ) {
    throw invalid(`Invalid Condition: ${JSON.stringify([operator, first, second])}`)
  }
  return { operator: kind, name: first.slice(1).toLowerCase(), value: second }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('Invalid JSON.')
  }
}

const invalid = (reason: string) => new S3Error('InvalidPolicyDocument', { message: `Invalid Policy: ${reason}` })

const denied = (reason: string) => new S3Error('AccessDenied', { message: `Invalid according to Policy: ${reason}` })
