import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ifMissing } from '../errno.ts'
import type { PostgresPrograms, PostgresUser } from './programs.ts'

/** The path by which a program reaches its data folder even if its user may not enter the folders above it (Linux). */
export function dataArgument(data: string, user: PostgresUser | undefined): string {
  // libuv enters the working directory before it drops root, so that user needs no access to the folders above.
  return user && process.platform === 'linux' ? '/proc/self/cwd' : data
}

/**
 * Creates `<folder>/data` with initdb unless it exists, and returns it with the password of `postgres`, stored in `<folder>/password`.
 * Throws if the folder was created by another major version. With `sync: false` initdb does not wait for the disk.
 */
export async function prepareCluster(
  folder: string,
  programs: PostgresPrograms,
  user: PostgresUser | undefined,
  sync: boolean,
): Promise<{ data: string; password: string }> {
  const data = join(folder, 'data')
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(ifMissing)
  if (version === undefined) await createCluster(folder, data, programs, user, sync)
  else if (version.trim() !== programs.major)
    throw new Error(
      `${data} was created by Postgres ${version.trim()}, this is Postgres ${programs.major}: dump and reload the data, or remove ${folder}`,
    )
  const password = await readFile(join(folder, 'password'), 'utf8').catch(ifMissing)
  if (!password) throw new Error(`${join(folder, 'password')} is missing: restore it, or remove ${folder}`)
  return { data, password: password.trim() }
}

const UNFINISHED = 'data.unfinished-'

async function createCluster(
  folder: string,
  data: string,
  programs: PostgresPrograms,
  user: PostgresUser | undefined,
  sync: boolean,
) {
  const passwordFile = join(folder, 'password')
  await removeUnfinished(folder)
  // A unique name: the initdb of a killed start may still be running, and removes its own folder.
  const unfinished = await mkdtemp(join(folder, UNFINISHED))
  await rm(passwordFile, { force: true })
  await writeFile(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  if (user) for (const path of [unfinished, passwordFile]) await chown(path, user.uid, user.gid)
  const settings = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--data-checksums']
  const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
  await initdb(programs, unfinished, passwordFile, user, [...settings, ...locale, ...(sync ? [] : ['--no-sync'])])
  await rename(unfinished, data)
}

async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(UNFINISHED))
      await rm(join(folder, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  }
}

async function initdb(
  programs: PostgresPrograms,
  data: string,
  passwordFile: string,
  user: PostgresUser | undefined,
  options: string[],
): Promise<void> {
  // Passed as an open file, because that user may not reach its path. It can't be in the data folder, which must be empty.
  const password = await open(passwordFile)
  const path = user && process.platform === 'linux' ? '/proc/self/fd/3' : passwordFile
  try {
    const child = spawn(join(programs.bin, 'initdb'), [`--pgdata=${dataArgument(data, user)}`, `--pwfile=${path}`, ...options], {
      cwd: data,
      stdio: ['ignore', 'ignore', 'pipe', password.fd],
      ...user,
    })
    let errors = ''
    child.stderr?.setEncoding('utf8').on('data', text => {
      errors += text
    })
    const [status] = await once(child, 'close')
    if (status !== 0) throw new Error(`initdb could not create ${data} (status ${status}):\n${errors.trim()}`)
  } finally {
    await password.close()
  }
}
