import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../shared/database/connection.ts'
import { type RunningCatalog, runCatalog } from '../support/running-catalog.ts'

const ROOT = join(import.meta.dirname, '../..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

let catalog: RunningCatalog

beforeAll(async () => {
  catalog = await runCatalog()
})

afterAll(() => catalog?.[Symbol.asyncDispose]())

test('the commands of the README print what the README shows', { timeout: 60_000 }, async () => {
  const [, console = ''] = blocksOf('console')[0] ?? []
  const commands = console.split(/^\$ /m).slice(1)
  expect(commands.length).toBe(3)
  for (const shown of commands) {
    const [command = '', ...lines] = shown.split('\n')
    expect(`${(await run(command)).trimEnd()}\n`, command).toMatch(patternOf(lines.join('\n')))
  }
})

test('the query of the README returns the rows that the README shows', async () => {
  const [, file = ''] = /psql "\$\(node -p "require\('\.\/\.catalog\/(.+?)'\)\.databaseUrl"\)"/.exec(README) ?? []
  const { databaseUrl } = JSON.parse(readFileSync(join(catalog.folder, file), 'utf8')) as { databaseUrl: string }
  const sql = connect({ url: databaseUrl, max: 1 })
  try {
    const [, script = ''] = blocksOf('sql')[0] ?? []
    const results = await sql.unsafe<Record<string, unknown>[][]>(script)
    const rows = results.at(-1)!.map(row => Object.values(row).map(asPsql))
    const [, table = ''] = blocksOf('text')[0] ?? []
    const lines = table.split('\n').filter(line => line.includes('|'))
    expect(lines.slice(1).map(cellsOf)).toEqual(rows)
    expect(rows.length).toBe(2)
  } finally {
    await sql.end()
  }
})

/** Runs a line of the README against the catalog of the test: its port in place of the default one, its folder in place of `.catalog`. */
async function run(command: string): Promise<string> {
  const env = { ...process.env, CATALOG_DATA: catalog.folder, NO_COLOR: '1' }
  const script = command
    .replace('npx catalog', `"${process.execPath}" cli/catalog.js`)
    .replace('http://127.0.0.1:8080', catalog.apiUrl)
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: ROOT, env })
  return stdout
}

/** The output as a pattern: `...` stands for any lines, `…` for any text, and a time for any time. */
function patternOf(shown: string): RegExp {
  const lines = shown
    .trimEnd()
    .split('\n')
    .map(line => (line === '...' ? '(?:.*\\n)*?' : `${patternOfLine(line)}\\n`))
  return new RegExp(`^${lines.join('')}$`)
}

function patternOfLine(line: string): string {
  const pieces = line.split(/(…|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)/)
  return pieces.map((piece, n) => (n % 2 === 0 ? RegExp.escape(piece) : piece === '…' ? '.*' : '[-\\d]{10} [:\\d]{8}')).join('')
}

function blocksOf(language: string): RegExpExecArray[] {
  return [...README.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))]
}

function cellsOf(line: string): string[] {
  return line.split('|').map(cell => cell.trim())
}

function asPsql(value: unknown): string {
  if (value === null) return ''
  return typeof value === 'boolean' ? String(value)[0]! : String(value)
}
