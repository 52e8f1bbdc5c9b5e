import { createHash } from 'node:crypto'
import { type Credentials, testCredentials } from '../../auth/credentials.ts'
import { type Checksum, startChecksum } from '../../checksums/checksum.ts'
import { invalidArgument, notImplemented, S3Error } from '../../errors.ts'
import { type Form, readForm } from '../../forms/form-data.ts'
import { checkPolicy, type SizeRange } from '../../forms/policy.ts'
import { readAttributes } from '../../headers/object-headers.ts'
import { checkValues, isKnownField } from '../../headers/supported.ts'
import { readTagging } from '../../headers/tags.ts'
import { writtenVersionHeader } from '../../headers/version-id.ts'
import { type DeclaredChecksum, declaredChecksum } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import { findBucket } from '../../store/buckets.ts'
import type { Store } from '../../store/store.ts'
import { addVersion } from '../../store/write-versions.ts'

/** Whether a request is the upload of a browser's form. */
export function isFormUpload({ method, key, query, headers }: S3Request): boolean {
  return (
    method === 'POST' && key === undefined && query.size === 0 && /^multipart\/form-data/i.test(headers['content-type'] ?? '')
  )
}

/** POST Object: the upload of a browser's form. Its signed policy authorizes it, whatever page it comes from. */
export async function postObject(store: Store, request: S3Request, credentials: Credentials | undefined): Promise<S3Response> {
  const bucket = findBucket(store, request.bucket ?? '')
  const form = await readForm(request.headers['content-type'] ?? '', request.body())
  const { fields } = form
  const named = fields.get('key')
  if (!named) {
    const message = "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
    throw invalidArgument(message, 'key', '')
  }
  // biome-ignore lint/suspicious/noTemplateCurlyInString: S3's own placeholder
  const key = named.replaceAll('${filename}', form.fileName)
  if (Buffer.byteLength(key) > 1024) throw new S3Error('KeyTooLongError')
  // The policy is about the key that is written, not about the placeholder.
  const { accessKey, size: allowed } = checkPolicy(
    new Map([...fields, ['key', key]]),
    bucket.name,
    credentials ?? testCredentials,
    store.now(),
  )
  const headers = headersOf(fields)
  const attributes = {
    ...readAttributes({ ...request, headers }),
    tags: readTagging(fields.get('tagging') ?? NO_TAGS),
  }
  const declared = declaredChecksum(headers)
  const { body, size, md5, checksum } = await storeFile(store, form, allowed, declared)
  const actor = { ...request.actor, principalId: `AWS:${accessKey}` }
  const content = { size, etag: md5, checksum, segments: [{ number: 1, body, start: 0, size, etag: md5 }] }
  try {
    const added = store.transaction(() =>
      addVersion(store, findBucket(store, bucket.name), key, content, attributes, { event: 'ObjectCreated:Post', actor }),
    )
    const location = `http://${request.headers.host}/${bucket.name}/${encodeURIComponent(key)}`
    return respond(fields, { bucket: bucket.name, key, etag: md5, location }, writtenVersionHeader(bucket, added.versionId))
  } catch (error) {
    await store.bodies.remove(body)
    throw error
  }
}

const NO_TAGS = '<Tagging><TagSet/></Tagging>'

// The fields of a form have the names of the headers of PutObject.
function headersOf(fields: ReadonlyMap<string, string>): Record<string, string> {
  for (const name of fields.keys()) if (name.startsWith('x-amz-') && !isKnownField(name)) throw notImplemented(name)
  const acl = fields.get('acl')
  const headers = Object.fromEntries([...fields].map(([name, value]) => [name, headerOf(name, value)]))
  checkValues({ ...headers, ...(acl === undefined ? {} : { 'x-amz-acl': acl }) })
  return headers
}

function headerOf(name: string, value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would end a header of a later response.
  if (/[\u0000-\u001f\u007f]/.test(value) && !isPolicyField(name))
    throw invalidArgument('Header value cannot be represented', name, value)
  return name.startsWith('x-amz-meta-') ? value : Buffer.from(value).toString('latin1')
}

const isPolicyField = (name: string) => ['policy', 'tagging', 'key'].includes(name)

async function storeFile(
  store: Store,
  { file }: Form,
  { min, max }: SizeRange,
  declared: DeclaredChecksum | undefined,
): Promise<{ body: string; size: number; md5: string; checksum?: Checksum }> {
  const md5 = createHash('md5')
  const sum = declared && startChecksum(declared.algorithm)
  let size = 0
  const checked = async function* () {
    for await (const chunk of file) {
      size += chunk.length
      if (size > max) throw new S3Error('EntityTooLarge', { details: { ProposedSize: size, MaxSizeAllowed: max } })
      md5.update(chunk)
      sum?.update(chunk)
      yield chunk
    }
    if (size < min) throw new S3Error('EntityTooSmall', { details: { ProposedSize: size, MinSizeAllowed: min } })
    if (declared && sum?.digest().toString('base64') !== declared.value) {
      throw new S3Error('BadDigest', {
        message: `The ${declared.algorithm} you specified did not match the calculated checksum.`,
      })
    }
  }
  const body = await store.bodies.write(checked())
  const { algorithm, value } = declared ?? {}
  return {
    body,
    size,
    md5: md5.digest('hex'),
    ...(algorithm && value !== undefined ? { checksum: { algorithm, type: 'FULL_OBJECT', value } } : {}),
  }
}

function respond(
  fields: ReadonlyMap<string, string>,
  { bucket, key, etag, location }: { bucket: string; key: string; etag: string; location: string },
  versionHeaders: Record<string, string | undefined>,
): S3Response {
  const headers = { ETag: `"${etag}"`, Location: location, ...versionHeaders }
  const target = URL.parse(fields.get('success_action_redirect') ?? fields.get('redirect') ?? '')
  if (target?.protocol === 'http:' || target?.protocol === 'https:') {
    for (const [name, value] of Object.entries({ bucket, key, etag: `"${etag}"` })) target.searchParams.append(name, value)
    return { status: 303, headers: { ...headers, Location: target.href } }
  }
  const status = fields.get('success_action_status')
  if (status !== '201') return { status: status === '200' ? 200 : 204, headers }
  const content = { Location: location, Bucket: bucket, Key: key, ETag: `"${etag}"` }
  return { ...xmlResponse('PostResponse', content, headers), status: 201 }
}
