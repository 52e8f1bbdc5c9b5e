import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { ChecksumAlgorithm, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { combineCrc, startCrc } from '../../../../local/s3/checksums/crc.ts'
import { type Endpoint, history, s3Test, signedHeaders, startEndpoint, temporaryFolder } from '../endpoint.ts'

const target = { Bucket: 'versioned', Key: 'k' }

/** A PUT with this very body and these headers: its status and error code. */
async function put({ url }: Endpoint, body: string | Buffer, headers: Record<string, string>, path = '/versioned/k') {
  const { port } = new URL(url)
  const result = Promise.withResolvers<[number | undefined, string | undefined]>()
  const length = { 'content-length': Buffer.byteLength(body) }
  const sent = request({ port, host: '127.0.0.1', method: 'PUT', path, headers: { ...signedHeaders(), ...length, ...headers } })
  sent.on('error', result.reject).on('response', async response => {
    let text = ''
    for await (const chunk of response) text += chunk
    result.resolve([response.statusCode, /<Code>(\w+)/.exec(text)?.[1]])
  })
  sent.end(body)
  return result.promise
}

describe('checksums', () => {
  s3Test('of every algorithm are verified, stored, and returned on request', async ({ s3: { client } }) => {
    // The test vectors "123456789" of the CRC catalogue, SHA-1 and SHA-256 by Node.
    const sha = (name: string) => createHash(name).update('123456789').digest('base64')
    const expected = {
      CRC32: 'y/Q5Jg==',
      CRC32C: '4waSgw==',
      CRC64NVME: 'rosUhgp5mIg=',
      SHA1: sha('sha1'),
      SHA256: sha('sha256'),
    }
    for (const [algorithm, value] of Object.entries(expected)) {
      await client.send(
        new PutObjectCommand({ ...target, Body: '123456789', ChecksumAlgorithm: ChecksumAlgorithm[algorithm as 'CRC32'] }),
      )
      const head = await client.send(new HeadObjectCommand({ ...target, ChecksumMode: 'ENABLED' }))
      expect(head).toMatchObject({ [`Checksum${algorithm}`]: value, ChecksumType: 'FULL_OBJECT' })
      expect(await client.send(new HeadObjectCommand(target))).not.toHaveProperty(`Checksum${algorithm}`)
    }
  })

  s3Test('that do not match reject the object', async ({ s3 }) => {
    expect(await put(s3, 'x', { 'x-amz-checksum-crc32': 'AAAAAA==' })).toEqual([400, 'BadDigest'])
    expect(await put(s3, 'x', { 'x-amz-checksum-crc32': 'short' })).toEqual([400, 'InvalidRequest'])
    expect(await put(s3, 'x', { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-sha1': 'AAAA' })).toEqual([
      400,
      'InvalidRequest',
    ])
    expect(await put(s3, 'x', { 'x-amz-sdk-checksum-algorithm': 'CRC32' })).toEqual([400, 'InvalidRequest'])
    expect(await put(s3, 'x', { 'content-md5': createHash('md5').update('y').digest('base64') })).toEqual([400, 'BadDigest'])
    expect(await put(s3, 'x', { 'content-md5': 'nonsense' })).toEqual([400, 'InvalidDigest'])
    expect(await put(s3, 'x', { 'x-amz-content-sha256': '0'.repeat(64) })).toEqual([400, 'XAmzContentSHA256Mismatch'])
    expect(await history(s3.client, 'versioned')).toEqual([])
    expect(await put(s3, 'x', { 'content-md5': createHash('md5').update('x').digest('base64') })).toEqual([200, undefined])
  })

  s3Test('of two halves combine to that of the whole', () => {
    const crc = (name: 'CRC32' | 'CRC32C' | 'CRC64NVME', bytes: Buffer) => {
      const running = startCrc(name)
      running.update(bytes)
      return running.digest()
    }
    const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, index) => (index * 7919) % 251))
    for (const name of ['CRC32', 'CRC32C', 'CRC64NVME'] as const) {
      for (const at of [0, 1, 5000, 9999, 10_000]) {
        const [left, right] = [bytes.subarray(0, at), bytes.subarray(at)]
        expect(combineCrc(name, crc(name, left), crc(name, right), right.length)).toEqual(crc(name, bytes))
      }
    }
  })
})

describe('an aws-chunked body', () => {
  const unsigned = { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'content-encoding': 'gzip,aws-chunked' }
  const trailer = { 'x-amz-trailer': 'x-amz-checksum-crc32' }
  const nine = { 'x-amz-decoded-content-length': '9' }

  s3Test('is decoded, its trailing checksum is verified, and its encoding is not stored', async ({ s3 }) => {
    const body = (sum: string) => `4\r\n1234\r\n5\r\n56789\r\n0\r\nx-amz-checksum-crc32:${sum}\r\n\r\n`
    const headers = { ...unsigned, ...trailer, ...nine }
    expect(await put(s3, body('AAAAAA=='), headers)).toEqual([400, 'BadDigest'])
    expect(await put(s3, body('y/Q5Jg=='), headers)).toEqual([200, undefined])
    const { Body, ContentEncoding, ChecksumCRC32 } = await s3.client.send(
      new GetObjectCommand({ ...target, ChecksumMode: 'ENABLED' }),
    )
    expect([await Body?.transformToString(), ContentEncoding, ChecksumCRC32]).toEqual(['123456789', 'gzip', 'y/Q5Jg=='])
  })

  s3Test('may be signed for each chunk, with and without a trailer', async ({ s3 }) => {
    const signature = `;chunk-signature=${'0'.repeat(64)}`
    const signed = { ...nine, 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' }
    expect(await put(s3, `9${signature}\r\n123456789\r\n0${signature}\r\n\r\n`, signed)).toEqual([200, undefined])
    const withTrailer = { ...signed, ...trailer, 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER' }
    const body = `9${signature}\r\n123456789\r\n0${signature}\r\nx-amz-checksum-crc32:y/Q5Jg==\r\nx-amz-trailer-signature:00\r\n\r\n`
    expect(await put(s3, body, withTrailer)).toEqual([200, undefined])
  })

  s3Test('that is malformed or not of the declared length is rejected', async ({ s3 }) => {
    expect(await put(s3, '4\r\n1234\r\n0\r\n\r\n', { ...unsigned, ...nine })).toEqual([400, 'IncompleteBody'])
    expect(await put(s3, '9\r\n1234', { ...unsigned, ...nine })).toEqual([400, 'IncompleteBody'])
    expect(await put(s3, 'a\r\n1234567890\r\n0\r\n\r\n', { ...unsigned, ...nine })).toEqual([400, 'IncompleteBody'])
    expect(await put(s3, 'zz\r\n', { ...unsigned, ...nine })).toEqual([400, 'InvalidRequest'])
    expect(await put(s3, '9\r\n123456789\r\n0\r\n\r\n', { ...unsigned, ...nine, ...trailer })).toEqual([400, 'InvalidRequest'])
    expect(await put(s3, '0\r\n\r\n', unsigned)).toEqual([411, 'MissingContentLength'])
    expect(await history(s3.client, 'versioned')).toEqual([])
  })

  s3Test('is what the SDK sends for a stream', async ({ s3: { client } }) => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'file')
    const bytes = Buffer.alloc(3_000_000, 'abcdefg')
    await writeFile(path, bytes)
    await client.send(new PutObjectCommand({ ...target, Body: createReadStream(path), ContentLength: bytes.length }))
    const { Body } = await client.send(new GetObjectCommand(target))
    expect(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(bytes)).toBe(true)
  })
})

describe('a body', () => {
  s3Test('needs a length, and more than 5 GiB is EntityTooLarge before any of it is sent', async ({ s3 }) => {
    const put = (header: string) => raw(s3, ['PUT /versioned/k HTTP/1.1', 'Host: localhost', authorization, header])
    expect(await put('X-None: 1')).toMatch(/^HTTP\/1.1 411 [\s\S]*<Code>MissingContentLength<\/Code>/)
    expect(await put('Transfer-Encoding: chunked')).toMatch(/^HTTP\/1.1 501 [\s\S]*<Code>NotImplemented<\/Code>/)
    const response = await put(`Content-Length: ${5 * 1024 ** 3 + 1}`)
    expect(response).toMatch(/^HTTP\/1.1 400 [\s\S]*<Code>EntityTooLarge<\/Code>/)
  })

  s3Test('gets 100 Continue only if the request is accepted', async ({ s3 }) => {
    const put = (path: string) =>
      raw(s3, [`PUT ${path} HTTP/1.1`, 'Host: localhost', authorization, 'Content-Length: 1', 'Expect: 100-continue'], 'x')
    expect(await put('/versioned/k')).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/)
    expect(await put('/nowhere/k')).toMatch(/^HTTP\/1.1 404 Not Found/)
  })

  test('that breaks off leaves nothing', async () => {
    await using folder = await temporaryFolder()
    await using s3 = await startEndpoint({ folder: folder.path })
    const incoming = () => readdir(join(folder.path, 'objects/incoming'))
    const socket = new Socket()
    socket.connect(s3.server.port, '127.0.0.1')
    socket.write(
      ['PUT /versioned/k HTTP/1.1', 'Host: localhost', authorization, 'Content-Length: 100', '', 'only this'].join('\r\n'),
    )
    await expect.poll(incoming).toHaveLength(1)
    socket.destroy()
    await expect.poll(incoming).toEqual([])
    expect([await history(s3.client, 'versioned'), s3.events()]).toEqual([[], []])
  })

  test('of many megabytes is streamed: neither side runs far ahead of the other', { timeout: 60_000 }, async () => {
    await using folder = await temporaryFolder()
    await using s3 = await startEndpoint({ folder: folder.path })
    const chunk = Buffer.alloc(1024 ** 2, 'x')
    const total = 64 * chunk.length
    const lag = { now: 0, most: 0 }
    const ahead = (bytes: number) => {
      lag.now += bytes
      lag.most = Math.max(lag.most, lag.now)
    }
    const { bodies } = s3.server.store
    const { read, write } = bodies
    bodies.write = source => write(observe(source, bytes => ahead(-bytes)))
    bodies.read = (...range) => observe(read(...range), ahead)
    const chunks = async function* () {
      for (let sent = 0; sent < total; sent += chunk.length) yield chunk
    }

    const Body = Readable.from(observe(chunks(), ahead))
    await s3.client.send(new PutObjectCommand({ ...target, Body, ContentLength: total }))
    expect(lag.now).toBe(0)
    const object = await s3.client.send(new GetObjectCommand(target))
    for await (const bytes of object.Body as Readable) ahead(-bytes.length)
    expect([object.ContentLength, lag.now]).toEqual([total, 0])
    expect(lag.most).toBeLessThan(total / 3)
  })
})

/** Passes bytes on and reports how many. */
async function* observe(source: AsyncIterable<Buffer>, report: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    report(chunk.length)
    yield chunk
  }
}

const authorization = `Authorization: ${signedHeaders().authorization}`

/** Writes lines to a socket and reads until the response is complete. */
async function raw({ server }: Endpoint, lines: string[], body = ''): Promise<string> {
  const socket = new Socket()
  socket.connect(server.port, '127.0.0.1')
  socket.write([...lines, 'Connection: close', '', ''].join('\r\n'))
  let text = ''
  for await (const chunk of socket) {
    text += chunk
    if (text.endsWith('100 Continue\r\n\r\n')) socket.write(body)
    if (/<\/Error>$/.test(text)) break
  }
  socket.destroy()
  return text
}
