import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { LAUNCHER, startCommand } from './catalog.ts'

const commands = [
  'upload',
  'search',
  'list',
  'versions',
  'download',
  'open',
  'restore',
  'rm',
  'undelete',
  'tag',
  'comment',
  'audit',
  'stats',
  'demo',
  'verify',
  'dead-letters',
  'reconcile',
  'backfill',
]

test('help names every command', async () => {
  const { code, stdout, stderr } = await startCommand(['--help']).ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const named = [...stdout.matchAll(/^ {2}([a-z-]+) \[options\]/gm)].map(([, name]) => name)
  expect(named).toEqual(commands)
})

test.each(commands)('%s --help has the usage, the flags that select the catalog, and examples', async name => {
  const { code, stdout, stderr } = await startCommand([name, '--help']).ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(new RegExp(`^Usage: catalog ${name} \\[options\\]`))
  for (const flag of ['--api <url>', '--s3 <url>', '--bucket <name>', '--data <folder>']) expect(stdout).toContain(flag)
  expect(stdout).toMatch(new RegExp(`^Examples:\n( {2}npx catalog ${name}.*\n)+$`, 'm'))
})

test('--version printed nothing', async () => {
  const { version } = JSON.parse(readFileSync(join(LAUNCHER, '../../package.json'), 'utf8')) as { version: string }
  expect(await startCommand(['--version']).ended).toEqual({ code: 0, stdout: `storage-catalog ${version}\n`, stderr: '' })
})

test('only the command that runs is loaded, and no SDK with a command that needs only the API', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'storage-catalog-loaded-'))
  try {
    await startCommand(['search', '--help'], { NODE_V8_COVERAGE: folder }).ended
    const loaded = readdirSync(folder).flatMap(file => readFileSync(join(folder, file), 'utf8').match(/"file:[^"]+"/g) ?? [])
    const named = (part: string) => loaded.filter(url => url.includes(part)).map(url => url.split('/').at(-1))
    expect([named('/cli/commands/'), named('/@aws-sdk/')]).toEqual([['load.ts"', 'search.ts"'], []])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a usage error is one line and a hint', async () => {
  const { stderr } = await startCommand(['list', '--limit', '0']).ended
  expect(stderr.split('\n')).toEqual([
    "error: option '--limit <n>' argument '0' is invalid. Must be a whole number from 1 to 1000.",
    'Usage and examples: npx catalog list --help',
    '',
  ])
})

test.each([
  ['an unknown command', ['upladd'], "error: unknown command 'upladd'"],
  ['an unknown flag', ['stats', '--colour'], "error: unknown option '--colour'"],
  ['an unknown flag of a search', ['search', 'a', '--tpye', 'b'], "error: unknown option '--tpye'"],
  ['a time that does not exist', ['audit', '--from', '2026-02-30'], 'Must be a day or a time such as'],
  ['a missing argument', ['versions'], "error: missing required argument 'key'"],
  ['a limit out of range', ['list', '--limit', '0'], 'Must be a whole number from 1 to 1000.'],
  ['a concurrency out of range', ['upload', '.', '--concurrency', '257'], 'Must be a whole number from 1 to 256.'],
  ['a concurrency that is no whole number', ['download', 'a', '--concurrency', '1.5'], 'Must be a whole number from 1 to 64.'],
  ['an invalid address', ['stats', '--api', 'localhost:8080'], '--api must be an address such as'],
  [
    'an API that is not running',
    ['stats', '--api', `http://127.0.0.1:${await unusedPort()}`],
    'Start the catalog with: npm start',
  ],
  ['a port that fetch blocks', ['stats', '--api', 'http://127.0.0.1:1'], 'Request to http://127.0.0.1:1 failed: bad port'],
])('%s fails with its reason and no stack trace', async (_, args, reason) => {
  const { code, stdout, stderr } = await startCommand(args).ended
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(reason)
  expect(stderr).not.toMatch(/^\s+at /m)
})

const old = otherNode()

test.skipIf(old === undefined)("an older Node starts the repository's own", () => {
  const { status, stdout } = spawnSync(old!, [LAUNCHER, 'stats', '--help'], { encoding: 'utf8' })
  expect({ status, first: stdout.split('\n')[0] }).toEqual({ status: 0, first: 'Usage: catalog stats [options]' })
})

/** A Node of the machine that does not run TypeScript, if there is one. */
function otherNode(): string | undefined {
  const candidates = (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, 'node'))
  return candidates.find(
    node => existsSync(node) && spawnSync(node, ['-p', '!!process.features.typescript']).stdout.toString() === 'false\n',
  )
}

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
