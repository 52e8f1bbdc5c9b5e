import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test as base, expect, onTestFinished } from 'vitest'
import { FolderInUse, lockFolder } from '../../local/folder-lock.ts'

const test = base.extend<{ folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures a fixture needs
  folder: async ({}, use) => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'folder-lock-')))
    await use(folder)
    await rm(folder, { recursive: true })
  },
})

test('a locked folder is refused with the process id of its owner', ({ folder }) => {
  const lock = lockFolder(folder)
  expect(() => lockFolder(folder)).toThrow(
    new FolderInUse(`${folder} is in use by process ${process.pid}: stop it, or choose another folder`),
  )
  expect(() => lockFolder(folder)).toThrow(FolderInUse)
  lock.release()
})

test('a folder can be locked again after its release, which may be repeated', ({ folder }) => {
  const lock = lockFolder(folder)
  lock.release()
  lock.release()
  lockFolder(folder).release()
})

test('a missing folder is created', ({ folder }) => {
  const lock = lockFolder(join(folder, 'a', 'b'))
  expect(lock.folder).toBe(join(folder, 'a', 'b'))
  lock.release()
})

test('another process keeps its lock while it lives, even after garbage collection, and not after kill -9', async ({
  folder,
}) => {
  const script = `
    import { FolderInUse, lockFolder } from ${JSON.stringify(join(import.meta.dirname, '../../local/folder-lock.ts'))}
    lockFolder(${JSON.stringify(folder)})
    globalThis.gc()
    console.log('locked')
    setInterval(() => undefined, 1000)`
  const owner = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void owner.kill('SIGKILL'))
  await once(owner.stdout, 'data')
  expect(() => lockFolder(folder)).toThrow(`in use by process ${owner.pid}`)
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  lockFolder(folder).release()
})
