import { GetObjectCommand, GetObjectTaggingCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { signPolicy } from '../../../support/s3/post-policy.ts'
import { credentials, type Endpoint, s3Test } from '../endpoint.ts'

const signed = (conditions: unknown[], { expiration, secret }: { expiration?: string; secret?: string } = {}) =>
  signPolicy('versioned', { ...credentials, ...(secret ? { secretAccessKey: secret } : {}) }, conditions, expiration)

async function post({ url }: Endpoint, fields: Record<string, string>, file = 'hello', init: RequestInit = {}) {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  form.append('file', new Blob([file]), 'photo.txt')
  const response = await fetch(`${url}/versioned`, { method: 'POST', body: form, redirect: 'manual', ...init })
  const text = await response.text()
  return { status: response.status, code: /<Code>(\w+)/.exec(text)?.[1], headers: response.headers, text }
}

const open = [['starts-with', '$key', '']]

describe('a form', () => {
  s3Test('uploads a file with its attributes, from a page of any origin', async ({ s3 }) => {
    const tagging = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>'
    const conditions = [...open, { 'content-type': 'text/plain' }, ['starts-with', '$x-amz-meta-name', ''], { tagging }]
    // biome-ignore lint/suspicious/noTemplateCurlyInString: S3's own placeholder
    const fields = { key: 'in/${filename}', 'content-type': 'text/plain', 'x-amz-meta-name': 'Zoë', tagging }
    const result = await post(s3, { ...fields, ...signed(conditions) }, 'hello', { headers: { origin: 'http://evil.example' } })
    expect([result.status, result.headers.get('x-amz-version-id')]).toEqual([204, expect.stringMatching(/^[\w.]{32}$/)])
    const target = { Bucket: 'versioned', Key: 'in/photo.txt' }
    const read = await s3.client.send(new GetObjectCommand(target))
    expect([await read.Body?.transformToString(), read.ContentType, read.Metadata]).toEqual([
      'hello',
      'text/plain',
      { name: '=?UTF-8?B?Wm/Dqw==?=' },
    ])
    expect((await s3.client.send(new GetObjectTaggingCommand(target))).TagSet).toEqual([{ Key: 'a', Value: 'b' }])
    expect(s3.events().map(({ eventName, userIdentity }) => [eventName, userIdentity.principalId])).toEqual([
      ['ObjectCreated:Post', 'AWS:catalog'],
    ])
  })

  s3Test('must have a policy that is signed, valid, and allows each field', async ({ s3 }) => {
    const refusals: [Record<string, string>, number, string][] = [
      [{ key: 'k' }, 403, 'AccessDenied'],
      [{ key: 'k', ...signed(open, { secret: 'guessed' }) }, 403, 'SignatureDoesNotMatch'],
      [{ key: 'k', ...signed(open, { expiration: '2020-01-01T00:00:00Z' }) }, 403, 'AccessDenied'],
      [{ key: 'k', ...signed([{ key: 'other' }]) }, 403, 'AccessDenied'],
      [{ key: 'k', ...signed([]) }, 403, 'AccessDenied'],
      [{ key: 'k', 'x-amz-meta-a': 'b', ...signed(open) }, 403, 'AccessDenied'],
      [{ key: 'k', ...signed([...open, { acl: 'public-read' }]), acl: 'public-read' }, 400, 'AccessControlListNotSupported'],
      [{ key: 'k', ...signed([...open, ['content-length-range', 0, 4]]) }, 400, 'EntityTooLarge'],
      [{ key: 'k', ...signed([...open, ['content-length-range', 6, 9]]) }, 400, 'EntityTooSmall'],
      [{ key: 'k', ...signed([...open, ['unknown', '$key', '']]) }, 400, 'InvalidPolicyDocument'],
      [{ ...signed(open) }, 400, 'InvalidArgument'],
      [{ key: 'k', ...signed(open), 'x-amz-checksum-crc32': 'AAAAAA==' }, 400, 'BadDigest'],
    ]
    for (const [fields, status, code] of refusals) {
      const result = await post(s3, fields)
      expect([result.text, result.status, result.code]).toEqual([expect.anything(), status, code])
    }
    expect((await s3.client.send(new ListObjectsV2Command({ Bucket: 'versioned' }))).KeyCount).toBe(0)
  })

  s3Test('chooses its response: 200, 201 with a document, or a redirect', async ({ s3 }) => {
    const send = (fields: Record<string, string>) =>
      post(s3, {
        key: 'a b',
        ...fields,
        ...signed([...open, ...Object.entries(fields).map(([name, value]) => ({ [name]: value }))]),
      })
    expect((await send({ success_action_status: '200' })).status).toBe(200)
    const created = await send({ success_action_status: '201' })
    expect([created.status, created.text]).toEqual([201, expect.stringContaining('<Bucket>versioned</Bucket><Key>a b</Key>')])
    const moved = await send({ success_action_redirect: 'http://app.example/done?x=1' })
    expect([moved.status, moved.headers.get('location')]).toEqual([
      303,
      'http://app.example/done?x=1&bucket=versioned&key=a+b&etag=%225d41402abc4b2a76b9719d911017c592%22',
    ])
  })

  s3Test('streams a large file whose bytes look like a boundary', async ({ s3 }) => {
    const file = `${'\r\n--'.repeat(200_000)}\r\n------WebKit`
    expect((await post(s3, { key: 'large', ...signed(open) }, file)).status).toBe(204)
    const read = await s3.client.send(new GetObjectCommand({ Bucket: 'versioned', Key: 'large' }))
    expect((await read.Body?.transformToString()) === file).toBe(true)
  })

  s3Test('has at most 20 KB of fields before its file', async ({ s3 }) => {
    const fields = { key: 'k', ...signed(open), 'x-ignore-a': 'x'.repeat(30_000) }
    expect(await post(s3, fields)).toMatchObject({ status: 400, code: 'MaxPostPreDataLengthExceededError' })
  })
})
