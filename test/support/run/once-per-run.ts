import { existsSync, mkdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inject } from 'vitest'
import { errno } from '../../../local/errno.ts'

/** A folder that `fill` has filled once in this run: the first worker that asks for it fills it, the others wait. A failure leaves it to the next. */
export async function filledOnce(name: string, fill: (folder: string) => void): Promise<string> {
  const folder = join(inject('runFolder'), name)
  const done = `${folder}.done`
  for (;;) {
    if (existsSync(done)) return folder
    if (tryCreate(folder)) break
    await sleep(20)
  }
  try {
    fill(folder)
  } catch (error) {
    await rm(folder, { recursive: true })
    throw error
  }
  await writeFile(done, '')
  return folder
}

function tryCreate(folder: string): boolean {
  try {
    mkdirSync(folder)
    return true
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error
    return false
  }
}
