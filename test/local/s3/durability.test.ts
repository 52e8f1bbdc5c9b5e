import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { clientOf, history, signedHeaders, startEndpoint, temporaryFolder } from './endpoint.ts'

/** The stored bodies: all files of the store but its database. */
async function bodies(folder: string): Promise<string[]> {
  const entries = await readdir(join(folder, 'objects'), { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => entry.name)
}

/** Starts the endpoint in another process, which can be killed. */
async function startChild(folder: string): Promise<{ process: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('endpoint-process.ts', import.meta.url)), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  return { process: child, url: String(line).trim() }
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('the store', () => {
  test('is unchanged after a restart', async () => {
    await using folder = await temporaryFolder()
    let before: string[] = []
    {
      await using s3 = await startEndpoint({ folder: folder.path })
      for (const Body of ['1', '2'])
        await s3.client.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'k', Body, Tagging: 'a=b' }))
      await s3.client.send(new DeleteObjectCommand({ Bucket: 'versioned', Key: 'gone' }))
      before = await history(s3.client, 'versioned')
    }
    await using s3 = await startEndpoint({ folder: folder.path })
    expect(await history(s3.client, 'versioned')).toEqual(before)
    const { Body, TagCount } = await s3.client.send(new GetObjectCommand({ Bucket: 'versioned', Key: 'k' }))
    expect([await Body?.transformToString(), TagCount, s3.events().length]).toEqual(['2', 1, 3])
  })

  test('ranks writes after a restart above earlier ones, even if the clock went back', async () => {
    await using folder = await temporaryFolder()
    const put = async (clock: () => number) => {
      await using s3 = await startEndpoint({ folder: folder.path, clock })
      const { VersionId } = await s3.client.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'k', Body: 'x' }))
      return `k ${VersionId} version`
    }
    const [one, two] = [await put(Date.now), await put(() => Date.now() - 3_600_000)]
    await using s3 = await startEndpoint({ folder: folder.path })
    expect(await history(s3.client, 'versioned')).toEqual([one, `${two} latest`].sort())
  })

  test('removes bodies that nothing refers to', async () => {
    await using folder = await temporaryFolder()
    {
      await using s3 = await startEndpoint({ folder: folder.path })
      for (const Body of ['1', '2', '3']) await s3.client.send(new PutObjectCommand({ Bucket: 'plain', Key: 'k', Body }))
      await s3.client.send(new PutObjectCommand({ Bucket: 'plain', Key: 'gone', Body: 'x' }))
      await s3.client.send(new DeleteObjectCommand({ Bucket: 'plain', Key: 'gone' }))
    }
    expect(await bodies(folder.path)).toHaveLength(1)
  })

  test('keeps a body for its readers while its version is deleted', async () => {
    await using folder = await temporaryFolder()
    await using s3 = await startEndpoint({ folder: folder.path })
    const target = { Bucket: 'plain', Key: 'k' }
    const size = 20_000_000
    await s3.client.send(new PutObjectCommand({ ...target, Body: Buffer.alloc(size, 'x') }))
    const { Body } = await s3.client.send(new GetObjectCommand(target))
    await s3.client.send(new DeleteObjectCommand(target))
    await s3.server.store.cleanUp()
    expect(await bodies(folder.path)).toHaveLength(1)
    expect((await Body?.transformToByteArray())?.length).toBe(size)
    await expect.poll(() => bodies(folder.path)).toEqual([])
  })

  test('killed during uploads keeps each confirmed object with its event, and no part of any other', {
    timeout: 60_000,
  }, async () => {
    await using folder = await temporaryFolder()
    const { process: child, url } = await startChild(folder.path)
    const { port } = new URL(url)
    const confirmed = new Set<string>()
    const body = Buffer.alloc(50_000, 'x')

    const half = request({
      port,
      host: '127.0.0.1',
      method: 'PUT',
      path: '/versioned/half',
      headers: { ...signedHeaders(), 'content-length': 1000 },
    })
    half.on('error', () => half.destroy()).write('the first bytes')
    const client = clientOf(url)
    const writers = Array.from({ length: 8 }, async (_, worker) => {
      for (let index = 0; !child.killed; index++) {
        const Key = `${worker}/${index}`
        await client.send(new PutObjectCommand({ Bucket: 'versioned', Key, Body: body }))
        confirmed.add(Key)
      }
    })
    const stopped = Promise.allSettled(writers)
    await expect.poll(() => confirmed.size, { timeout: 20_000 }).toBeGreaterThan(50)
    await killed(child)
    await stopped
    client.destroy()

    await using s3 = await startEndpoint({ folder: folder.path })
    const keys: string[] = []
    for (let token: string | undefined, more = true; more; ) {
      const page = await s3.client.send(new ListObjectsV2Command({ Bucket: 'versioned', ContinuationToken: token }))
      keys.push(...(page.Contents ?? []).map(object => object.Key ?? ''))
      token = page.NextContinuationToken
      more = page.IsTruncated === true
    }
    expect([...confirmed].filter(key => !keys.includes(key))).toEqual([])
    expect(keys).not.toContain('half')
    const announced = s3.events().map(event => event.s3.object.key)
    expect(announced.toSorted()).toEqual(keys.toSorted())
    for (const Key of keys) {
      const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: 'versioned', Key }))
      expect((await Body?.transformToByteArray())?.length).toBe(body.length)
    }
    expect(await bodies(folder.path)).toHaveLength(keys.length)
  })
})
