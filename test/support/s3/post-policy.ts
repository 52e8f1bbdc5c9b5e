import { createHmac } from 'node:crypto'

const SCOPE = ['20260101', 'us-east-1', 's3', 'aws4_request']

/** The fields of a form that sign a policy with these conditions for a bucket, as the SDK's `createPresignedPost` does. */
export function signPolicy(
  bucket: string,
  { accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string },
  conditions: unknown[],
  expiration = '2099-01-01T00:00:00Z',
): Record<string, string> {
  const fields = {
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': [accessKeyId, ...SCOPE].join('/'),
    'x-amz-date': '20260101T000000Z',
  }
  const all = [...conditions, { bucket }, ...Object.entries(fields).map(([name, value]) => ({ [name]: value }))]
  const policy = Buffer.from(JSON.stringify({ expiration, conditions: all })).toString('base64')
  const key = SCOPE.reduce<string | Buffer>(
    (key, part) => createHmac('sha256', key).update(part).digest(),
    `AWS4${secretAccessKey}`,
  )
  return { ...fields, policy, 'x-amz-signature': createHmac('sha256', key).update(policy).digest('hex') }
}
