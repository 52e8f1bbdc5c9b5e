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

test('a folder that is held is refused with the id of its holder', ({ folder }) => {
  const lock = lockFolder(folder)
  expect(() => lockFolder(folder)).toThrow(
    new FolderInUse(`${folder} is in use by process ${process.pid}: stop it, or choose another folder`),
  )
  expect(() => lockFolder(folder)).toThrow(FolderInUse)
  lock.release()
})

test('a folder can be held again after its release, which may be repeated', ({ folder }) => {
  const lock = lockFolder(folder)
  lock.release()
  lock.release()
  lockFolder(folder).release()
})

test('a missing folder is made', ({ folder }) => {
  const lock = lockFolder(join(folder, 'a', 'b'))
  expect(lock.folder).toBe(join(folder, 'a', 'b'))
  lock.release()
})

test('another process holds a folder as long as it lives, even if it forgets the lock, and not after kill -9', async ({
  folder,
}) => {
  const script = `
    import { FolderInUse, lockFolder } from ${JSON.stringify(join(import.meta.dirname, '../../local/folder-lock.ts'))}
    lockFolder(${JSON.stringify(folder)})
    globalThis.gc()
    console.log('held')
    setInterval(() => undefined, 1000)`
  const holder = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
  expect(() => lockFolder(folder)).toThrow(`in use by process ${holder.pid}`)
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  lockFolder(folder).release()
})
