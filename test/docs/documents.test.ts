import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/*.md', { cwd: ROOT })]
const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8')

const COMMANDS = globSync('cli/commands/*/*.ts', { cwd: ROOT }).flatMap(file =>
  [...textOf(file).matchAll(/\.command\('([\w-]+)/g)].map(match => match[1] ?? ''),
)

/** Every path starts in one of these folders, or is a file of the root. */
const FOLDERS = ['shared', 'functions', 'infra', 'local', 'cli', 'migrations', 'test', 'bench', 'docs']

test.each(DOCUMENTS)('the links of %s lead to files', document => {
  const links = [...textOf(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(match => match[1] ?? '')
  expect(links.filter(link => !existsSync(join(ROOT, dirname(document), link)))).toEqual([])
})

test.each(DOCUMENTS)('the sections that %s links to exist', document => {
  const links = [...textOf(document).matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)]
  const missing = links.filter(([, file = '', section = '']) => {
    const target = file === '' ? document : join(dirname(document), file)
    return !sectionsOf(target).includes(section)
  })
  expect(missing.map(([link]) => link)).toEqual([])
})

test('the table of docs/cli.md has every command, and no other', () => {
  const [, table = ''] = /\| command \| does \|\n(.*?)\n\n/s.exec(textOf('docs/cli.md')) ?? []
  const listed = [...table.matchAll(/^\| `([\w-]+)/gm)].map(match => match[1])
  expect(listed.sort()).toEqual(COMMANDS.toSorted())
})

test.each(DOCUMENTS)('the paths in backticks of %s exist', document => {
  const quoted = [...textOf(document).matchAll(/`([\w.-]+\/[\w./*-]*)`/g)].map(match => match[1] ?? '')
  const paths = quoted.filter(path => FOLDERS.includes(path.split('/')[0] ?? ''))
  expect(paths.filter(path => globSync(path.replace(/\/$/, ''), { cwd: ROOT }).length === 0)).toEqual([])
})

test.each(DOCUMENTS)('the commands of the command line in %s exist', document => {
  const named = [...textOf(document).matchAll(/npx catalog (\w[\w-]*)/g)].map(match => match[1] ?? '')
  expect(named.filter(name => !COMMANDS.includes(name))).toEqual([])
})

test.each(DOCUMENTS)('the npm scripts in %s exist', document => {
  const scripts = Object.keys((JSON.parse(textOf('package.json')) as { scripts: object }).scripts)
  const named = [...textOf(document).matchAll(/npm run ([\w:-]+)/g)].map(match => match[1] ?? '')
  expect(named.filter(name => !scripts.some(script => (name.endsWith(':') ? script.startsWith(name) : script === name)))).toEqual(
    [],
  )
})

/** The anchors of a page's headings, as GitHub makes them. */
function sectionsOf(document: string): string[] {
  return [...textOf(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- ]/gu, '')
      .replaceAll(' ', '-'),
  )
}
