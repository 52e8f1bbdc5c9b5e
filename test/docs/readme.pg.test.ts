import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { runCatalog } from '../support/running-catalog.ts'

const ROOT = join(import.meta.dirname, '../..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

test('the search of the README has the answer that the README shows', async () => {
  const [, path = ''] = /curl 'http:\/\/127\.0\.0\.1:8080([^']+)'/.exec(README) ?? []
  const [, shown = ''] = /```json\n(.*?)```/s.exec(README) ?? []
  const facts = [...shown.matchAll(/"(\w+)": ("[^"…]+")/g)].map(([, name = '', value = '']) => [name, JSON.parse(value)])
  await using catalog = await runCatalog()
  const env = { ...process.env, CATALOG_DATA: catalog.folder }
  await promisify(execFile)(process.execPath, ['cli/catalog.js', 'upload', 'docs'], { cwd: ROOT, env })
  await expect
    .poll(async () => (await (await fetch(`${catalog.apiUrl}${path}`)).json()) as unknown, { timeout: 10_000 })
    .toEqual({ items: expect.arrayContaining([expect.objectContaining(Object.fromEntries(facts))]), nextCursor: null })
  expect(facts.length).toBeGreaterThan(1)
})

describe('what the documents name is there', () => {
  const documents = ['README.md', ...globSync('docs/*.md', { cwd: ROOT })]

  test.each(documents)('links of %s', document => {
    const text = readFileSync(join(ROOT, document), 'utf8')
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(match => match[1] ?? '')
    expect(links.filter(link => !existsSync(join(ROOT, dirname(document), link)))).toEqual([])
  })

  test.each(documents)('commands of the command line in %s', document => {
    const sources = globSync('cli/**/*.ts', { cwd: ROOT }).map(file => readFileSync(join(ROOT, file), 'utf8'))
    const commands = sources.flatMap(source => [...source.matchAll(/\.command\('([\w-]+)/g)].map(match => match[1]))
    const named = [...readFileSync(join(ROOT, document), 'utf8').matchAll(/npx catalog ([\w-]+)/g)].map(match => match[1] ?? '')
    expect(named.filter(name => !commands.includes(name))).toEqual([])
  })

  test.each(documents)('npm scripts of %s', document => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
    const named = [...readFileSync(join(ROOT, document), 'utf8').matchAll(/npm run ([\w:-]+)/g)].map(match => match[1] ?? '')
    expect(named.filter(name => !(name in scripts))).toEqual([])
  })
})
