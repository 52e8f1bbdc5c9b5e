import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/*.md', { cwd: ROOT })]
const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8')

/** Every path starts in one of these folders, or is a file of the root. */
const FOLDERS = ['shared', 'functions', 'infra', 'local', 'cli', 'migrations', 'test', 'bench', 'docs']

test.each(DOCUMENTS)('the links of %s lead to files', document => {
  const links = [...textOf(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(match => match[1] ?? '')
  expect(links.filter(link => !existsSync(join(ROOT, dirname(document), link)))).toEqual([])
})

test.each(DOCUMENTS)('the paths in backticks of %s exist', document => {
  const quoted = [...textOf(document).matchAll(/`([\w.-]+\/[\w./*-]*)`/g)].map(match => match[1] ?? '')
  const paths = quoted.filter(path => FOLDERS.includes(path.split('/')[0] ?? ''))
  expect(paths.filter(path => globSync(path.replace(/\/$/, ''), { cwd: ROOT }).length === 0)).toEqual([])
})

test.each(DOCUMENTS)('the commands of the command line in %s exist', document => {
  const commands = globSync('cli/**/*.ts', { cwd: ROOT }).flatMap(file =>
    [...textOf(file).matchAll(/\.command\('([\w-]+)/g)].map(match => match[1]),
  )
  const named = [...textOf(document).matchAll(/npx catalog ([\w-]+)/g)].map(match => match[1] ?? '')
  expect(named.filter(name => !commands.includes(name))).toEqual([])
})

test.each(DOCUMENTS)('the npm scripts in %s exist', document => {
  const scripts = Object.keys((JSON.parse(textOf('package.json')) as { scripts: object }).scripts)
  const named = [...textOf(document).matchAll(/npm run ([\w:-]+)/g)].map(match => match[1] ?? '')
  expect(named.filter(name => !scripts.some(script => (name.endsWith(':') ? script.startsWith(name) : script === name)))).toEqual(
    [],
  )
})
