import { createHash } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  DeleteObjectCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { describe, expect, test } from 'vitest'
import { failure, history, s3Test, startEndpoint } from '../endpoint.ts'

const MIB = 1024 ** 2
const md5 = (data: Buffer | string) => createHash('md5').update(data).digest()

function uploads(client: S3Client, Bucket = 'versioned', Key = 'k') {
  const target = { Bucket, Key }
  return {
    start: async (more: Partial<CreateMultipartUploadCommandInput> = {}) =>
      (await client.send(new CreateMultipartUploadCommand({ ...target, ...more }))).UploadId ?? '',
    part: async (UploadId: string, PartNumber: number, Body: Buffer | string): Promise<CompletedPart> => {
      const part = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body }))
      const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256 } = part
      return { PartNumber, ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256 }
    },
    complete: (UploadId: string, Parts: CompletedPart[], more = {}) =>
      client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts }, ...more })),
  }
}

describe('the order of multipart uploads', () => {
  s3Test('the latest version is the one whose upload was started last, even if it was completed first', async ({ s3 }) => {
    const { start, part, complete } = uploads(s3.client)
    const [a, b] = [await start(), await start()]
    const [partA, partB] = [await part(a, 1, 'A'), await part(b, 1, 'B')]
    const { VersionId: idB } = await complete(b, [partB])
    const { VersionId: idA } = await complete(a, [partA])
    expect(await history(s3.client, 'versioned')).toEqual([`k ${idA} version`, `k ${idB} version latest`].sort())
    const [first, second] = s3.events().map(event => event.s3.object)
    expect([first?.versionId, second?.versionId]).toEqual([idB, idA])
    expect((first?.sequencer ?? '') > (second?.sequencer ?? '')).toBe(true)
  })

  s3Test('an object written after the start of an upload stays the latest version', async ({ s3: { client } }) => {
    const { start, part, complete } = uploads(client)
    const upload = await start()
    const { VersionId: put } = await client.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'k', Body: 'put' }))
    const { VersionId: marker } = await client.send(new DeleteObjectCommand({ Bucket: 'versioned', Key: 'k' }))
    const { VersionId: late } = await complete(upload, [await part(upload, 1, 'late')])
    expect(await history(client, 'versioned')).toEqual(
      [`k ${late} version`, `k ${put} version`, `k ${marker} marker latest`].sort(),
    )
  })

  s3Test('without versioning, a write or delete after the start takes precedence', async ({ s3: { client } }) => {
    for (const Bucket of ['plain', 'suspended']) {
      const { start, part, complete } = uploads(client, Bucket)
      const [one, two] = [await start(), await start()]
      await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'put' }))
      await complete(one, [await part(one, 1, 'late')])
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'k' }))
      expect(await Body?.transformToString()).toBe('put')
      await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }))
      await complete(two, [await part(two, 1, 'later')])
      expect(await failure(client.send(new GetObjectCommand({ Bucket, Key: 'k' })))).toEqual(['NoSuchKey', 404])
    }
  })

  test('the object was last modified when its upload was started', async () => {
    let now = Date.now()
    await using s3 = await startEndpoint({ clock: () => now })
    const { start, part, complete } = uploads(s3.client)
    const upload = await start()
    const { Uploads } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: 'versioned' }))
    now += 5000
    await complete(upload, [await part(upload, 1, 'A')])
    const { LastModified } = await s3.client.send(new HeadObjectCommand({ Bucket: 'versioned', Key: 'k' }))
    expect(LastModified).toEqual(Uploads?.[0]?.Initiated)
  })
})

describe('a multipart object', () => {
  const [one, two, three] = [Buffer.alloc(5 * MIB, 'a'), Buffer.alloc(5 * MIB, 'b'), Buffer.from('the end')]
  const whole = Buffer.concat([one, two, three])

  s3Test('consists of its parts in order, with the ETag of their MD5s', async ({ s3: { client } }) => {
    const { start, part, complete } = uploads(client)
    const upload = await start({ ContentType: 'text/plain', Metadata: { by: 'parts' }, Tagging: 'a=b' })
    const third = await part(upload, 3, three)
    await part(upload, 1, 'replaced below')
    const parts = [await part(upload, 1, one), await part(upload, 2, two), third]
    const { ETag } = await complete(upload, parts)
    expect(ETag).toBe(`"${md5(Buffer.concat([md5(one), md5(two), md5(three)])).toString('hex')}-3"`)
    const { Body, ContentType, Metadata, TagCount } = await client.send(new GetObjectCommand({ Bucket: 'versioned', Key: 'k' }))
    expect(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(whole)).toBe(true)
    expect([ContentType, Metadata, TagCount]).toEqual(['text/plain', { by: 'parts' }, 1])
  })

  s3Test('can be read by ranges across its parts, and part by part', async ({ s3: { client } }) => {
    const { start, part, complete } = uploads(client)
    const upload = await start()
    await complete(upload, [await part(upload, 1, one), await part(upload, 2, two), await part(upload, 3, three)])
    const read = async (more: object) => {
      const { Body, ContentRange, PartsCount } = await client.send(
        new GetObjectCommand({ Bucket: 'versioned', Key: 'k', ...more }),
      )
      return [await Body?.transformToString(), ContentRange, PartsCount]
    }
    const at = 5 * MIB - 2
    expect(await read({ Range: `bytes=${at}-${at + 3}` })).toEqual(['aabb', `bytes ${at}-${at + 3}/${whole.length}`, undefined])
    expect(await read({ Range: 'bytes=-7' })).toEqual([
      'the end',
      `bytes ${10 * MIB}-${whole.length - 1}/${whole.length}`,
      undefined,
    ])
    expect(await read({ PartNumber: 3 })).toEqual(['the end', `bytes ${10 * MIB}-${whole.length - 1}/${whole.length}`, 3])
    expect(await failure(read({ PartNumber: 4 }))).toEqual(['InvalidPartNumber', 416])
  })

  s3Test('has the checksum of its type, verified on completion', async ({ s3: { client } }) => {
    const { start, part, complete } = uploads(client)
    const head = () => client.send(new HeadObjectCommand({ Bucket: 'versioned', Key: 'k', ChecksumMode: 'ENABLED' }))
    const composite = await start({ ChecksumAlgorithm: 'CRC32' })
    await complete(composite, [await part(composite, 1, one), await part(composite, 2, three)])
    expect(await head()).toMatchObject({ ChecksumType: 'COMPOSITE', ChecksumCRC32: expect.stringMatching(/^[\w+/]{6}==-2$/) })

    // The checksum of the full object, put together from those of its parts, is that of the same bytes put at once.
    for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'CRC64NVME'] as const) {
      const name = `Checksum${ChecksumAlgorithm}` as const
      const full = await start({ ChecksumAlgorithm, ChecksumType: 'FULL_OBJECT' })
      const command = (PartNumber: number, Body: Buffer) =>
        client.send(new UploadPartCommand({ Bucket: 'versioned', Key: 'k', UploadId: full, PartNumber, Body, ChecksumAlgorithm }))
      const [first, second] = [await command(1, one), await command(2, three)]
      const parts = [first, second].map((sent, index) => ({ PartNumber: index + 1, ETag: sent.ETag, [name]: sent[name] }))
      const put = await client.send(
        new PutObjectCommand({ Bucket: 'plain', Key: 'k', Body: Buffer.concat([one, three]), ChecksumAlgorithm }),
      )
      expect(await failure(complete(full, parts, { [name]: first[name] }))).toEqual(['BadDigest', 400])
      const { [name]: value } = await complete(full, parts, { [name]: put[name] })
      expect(value).toBe(put[name])
      expect(await head()).toMatchObject({ ChecksumType: 'FULL_OBJECT', [name]: put[name] })
    }
  })

  s3Test('lists its parts with GetObjectAttributes', async ({ s3: { client } }) => {
    await new Upload({ client, params: { Bucket: 'versioned', Key: 'k', Body: whole }, partSize: 5 * MIB }).done()
    const attributes = await client.send(
      new GetObjectAttributesCommand({
        Bucket: 'versioned',
        Key: 'k',
        ObjectAttributes: ['ObjectParts', 'ObjectSize', 'Checksum'],
      }),
    )
    expect(attributes.ObjectSize).toBe(whole.length)
    expect(attributes.Checksum?.ChecksumType).toBe('COMPOSITE')
    expect(attributes.ObjectParts).toMatchObject({ TotalPartsCount: 3, IsTruncated: false })
    expect(attributes.ObjectParts?.Parts?.map(part => [part.PartNumber, part.Size])).toEqual([
      [1, 5 * MIB],
      [2, 5 * MIB],
      [3, 7],
    ])
  })

  s3Test('can consist of copies of ranges', async ({ s3: { client } }) => {
    await client.send(new PutObjectCommand({ Bucket: 'plain', Key: 'source', Body: whole }))
    const { start, part, complete } = uploads(client)
    const UploadId = await start()
    const copy = { Bucket: 'versioned', Key: 'k', UploadId, PartNumber: 1, CopySource: 'plain/source' }
    const beyond = client.send(new UploadPartCopyCommand({ ...copy, CopySourceRange: `bytes=0-${whole.length}` }))
    expect(await failure(beyond)).toEqual(['InvalidArgument', 400])
    const { CopyPartResult } = await client.send(
      new UploadPartCopyCommand({ ...copy, CopySourceRange: `bytes=0-${5 * MIB - 1}` }),
    )
    await complete(UploadId, [{ PartNumber: 1, ETag: CopyPartResult?.ETag }, await part(UploadId, 2, three)])
    const { ContentLength } = await client.send(new HeadObjectCommand({ Bucket: 'versioned', Key: 'k' }))
    expect(ContentLength).toBe(5 * MIB + 7)
  })
})

describe('completing a multipart upload', () => {
  s3Test('rejects parts that are out of order, unknown, changed, or too small', async ({ s3: { client } }) => {
    const { start, part, complete } = uploads(client)
    const upload = await start()
    const [one, two] = [await part(upload, 1, 'small'), await part(upload, 2, 'small, too')]
    expect(await failure(complete(upload, [two, one]))).toEqual(['InvalidPartOrder', 400])
    expect(await failure(complete(upload, [one, one]))).toEqual(['InvalidPartOrder', 400])
    expect(await failure(complete(upload, [{ PartNumber: 3, ETag: one.ETag }]))).toEqual(['InvalidPart', 400])
    expect(await failure(complete(upload, [{ PartNumber: 1, ETag: two.ETag }]))).toEqual(['InvalidPart', 400])
    expect(await failure(complete(upload, [one, two]))).toEqual(['EntityTooSmall', 400])
    expect(await failure(complete(upload, []))).toEqual(['MalformedXML', 400])
    await complete(upload, [two])
  })

  s3Test('returns the same result to a retry', async ({ s3 }) => {
    const { start, part, complete } = uploads(s3.client)
    const upload = await start()
    const parts = [await part(upload, 1, 'x')]
    const answers = [await complete(upload, parts), await complete(upload, parts)].map(({ ETag, VersionId }) => ({
      ETag,
      VersionId,
    }))
    expect(answers[1]).toEqual(answers[0])
    expect(s3.events()).toHaveLength(1)
    expect(await failure(part(upload, 2, 'y'))).toEqual(['NoSuchUpload', 404])
  })

  s3Test('or aborting it ends it permanently', async ({ s3: { client } }) => {
    const { start, part } = uploads(client)
    const UploadId = await start()
    await part(UploadId, 1, 'x')
    const target = { Bucket: 'versioned', Key: 'k', UploadId }
    const listed = await client.send(new ListPartsCommand(target))
    expect(listed.Parts?.map(one => [one.PartNumber, one.Size, one.ETag])).toEqual([[1, 1, `"${md5('x').toString('hex')}"`]])
    await client.send(new AbortMultipartUploadCommand(target))
    expect(await failure(part(UploadId, 2, 'y'))).toEqual(['NoSuchUpload', 404])
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket: 'versioned' }))).Uploads).toBeUndefined()
    expect(await history(client, 'versioned')).toEqual([])
  })
})

describe('listing uploads and parts', () => {
  s3Test('is ordered by key and start, in pages', async ({ s3: { client } }) => {
    const started: string[] = []
    for (const key of ['b', 'a', 'b', 'c/1', 'c/2']) started.push(`${key} ${await uploads(client, 'plain', key).start()}`)
    const found: string[] = []
    let markers = {}
    for (;;) {
      const page = await client.send(new ListMultipartUploadsCommand({ Bucket: 'plain', MaxUploads: 2, ...markers }))
      found.push(...(page.Uploads ?? []).map(upload => `${upload.Key} ${upload.UploadId}`))
      if (!page.IsTruncated) break
      markers = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
    }
    expect(found).toEqual([1, 0, 2, 3, 4].map(index => started[index]))
    const folded = await client.send(new ListMultipartUploadsCommand({ Bucket: 'plain', Delimiter: '/' }))
    expect([folded.Uploads?.length, folded.CommonPrefixes]).toEqual([3, [{ Prefix: 'c/' }]])
  })

  s3Test('returns parts in pages', async ({ s3: { client } }) => {
    const { start, part } = uploads(client)
    const UploadId = await start()
    for (const number of [3, 1, 2]) await part(UploadId, number, 'x')
    const target = { Bucket: 'versioned', Key: 'k', UploadId, MaxParts: 2 }
    const first = await client.send(new ListPartsCommand(target))
    const second = await client.send(new ListPartsCommand({ ...target, PartNumberMarker: first.NextPartNumberMarker }))
    expect([first, second].map(page => [page.Parts?.map(one => one.PartNumber), page.IsTruncated])).toEqual([
      [[1, 2], true],
      [[3], false],
    ])
  })
})
