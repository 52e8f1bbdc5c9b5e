import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAst } from 'vitest/node'

const ROOT = join(import.meta.dirname, '..')

/**
 * What the files of each folder may import of ours, besides their own folder; the longest matching folder counts. A file is a folder here,
 * too. `shared`'s own layers stand in the order of CONTRIBUTING.md: each may import those above it that it names.
 */
const MAY_IMPORT: Record<string, string[]> = {
  'shared/api': ['shared/calendar.ts', 'shared/limits.ts', 'shared/names.ts'],
  'shared/database': leaves('shared/environment.ts', 'shared/functions.ts'),
  'shared/catalog': leaves('shared/database'),
  'shared/search': leaves('shared/database', 'shared/catalog'),
  'shared/s3': leaves(),
  'shared/refresh': leaves('shared/database', 'shared/catalog', 'shared/s3'),
  'shared/ingest': leaves('shared/database', 'shared/catalog', 'shared/s3', 'shared/refresh'),
  'shared/writes': leaves('shared/database', 'shared/catalog', 'shared/s3', 'shared/refresh'),
  'shared/reconcile': leaves('shared/database', 'shared/catalog', 'shared/s3', 'shared/refresh'),
  // The leaves themselves, which import each other only.
  shared: leaves('shared/environment.ts', 'shared/functions.ts'),
  functions: ['shared'],
  // Types and plain data: what says which Lambdas, routes, roles, variables and metrics there are.
  infra: [
    'shared/api/routes.ts',
    'shared/database/roles.ts',
    'shared/environment.ts',
    'shared/functions.ts',
    'shared/limits.ts',
    'shared/metrics.ts',
    'shared/refresh-period.ts',
  ],
  local: ['functions', 'shared'],
  cli: ['shared'],
  bench: ['cli', 'functions', 'infra', 'local', 'shared', 'test'],
  test: ['bench', 'cli', 'functions', 'infra', 'local', 'shared'],
  'vitest.config.ts': [],
}

function leaves(...more: string[]): string[] {
  const names = ['calendar', 'clock', 'errors', 'key-order', 'limits', 'listing', 'metrics', 'names', 'refresh-period']
  return [...names.map(name => `shared/${name}.ts`), ...more]
}

/** The nodes of a syntax tree whose `source` names a module. */
const IMPORTING = ['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression', 'TSImportType']

type Import = { file: string; target: string }

const files = globSync('**/*.{ts,tsx,js}', {
  cwd: ROOT,
  exclude: name => ['node_modules', 'cdk.out', '.catalog', '.localstack', 'dist', 'tmp'].includes(name.split('/').at(-1) ?? ''),
})

const imports = files.flatMap(importsOf)

test('every form of import is read', () => {
  const source = `import { type A } from './a'; import './b'; export type { C } from './c'; export * from './d'
    type E = import('./e').E; await import('./f'); const text = "from './g'"`
  expect(modulesIn(parseAst(source, { lang: 'ts' }))).toEqual(['./a', './b', './c', './d', './e', './f'])
})

describe('imports point one way', () => {
  test.each(Object.keys(MAY_IMPORT))('%s imports of ours only what it may', folder => {
    const wrong = imports.filter(({ file, target }) => folderOf(file) === folder && !mayImport(folder, target))
    expect(wrong).toEqual([])
  })

  test.each(Object.keys(MAY_IMPORT))('%s is the folder of some file', folder => {
    expect(files.filter(file => folderOf(file) === folder)).not.toEqual([])
  })

  test('every file is in a folder with a rule', () => {
    expect(files.filter(file => folderOf(file) === undefined)).toEqual([])
  })

  test('every import of ours names a file that exists', () => {
    expect(imports.filter(({ target }) => !files.includes(target) && !target.endsWith('.json'))).toEqual([])
  })

  test('no function imports another', () => {
    const isFunction = (path: string) => /^functions\/[^/]+\.ts$/.test(path)
    expect(imports.filter(({ file, target }) => file.startsWith('functions/') && isFunction(target))).toEqual([])
  })

  test('no two files import each other, directly or through others', () => {
    expect(findCycle(imports)).toEqual([])
  })

  test('a cycle would be found', () => {
    const edges = ['a b', 'b c', 'c a', 'd a'].map(pair => ({ file: pair[0]!, target: pair[2]! }))
    expect(findCycle(edges)).toEqual(['a', 'b', 'c', 'a'])
  })
})

/** The longest folder with a rule that a file is in. */
function folderOf(file: string): string | undefined {
  const rules = Object.keys(MAY_IMPORT).filter(folder => file === folder || file.startsWith(`${folder}/`))
  return rules.sort((a, b) => b.length - a.length)[0]
}

function mayImport(folder: string, target: string): boolean {
  const isIn = (place: string) => target === place || target.startsWith(`${place}/`)
  return folder === 'shared' ? MAY_IMPORT.shared!.some(isIn) : [folder, ...MAY_IMPORT[folder]!].some(isIn)
}

/** Which files of ours a file imports or re-exports, types and `import('./x.ts')` included. */
function importsOf(file: string): Import[] {
  const program = parseAst(readFileSync(join(ROOT, file), 'utf8'), { lang: file.endsWith('x') ? 'tsx' : 'ts' })
  const specifiers = [...new Set(modulesIn(program))].filter(specifier => specifier.startsWith('.'))
  return specifiers.map(specifier => ({ file, target: normalize(join(dirname(file), specifier)) }))
}

function modulesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return []
  const { type = '', source } = node as { type?: string; source?: { value?: unknown } | null }
  const own = IMPORTING.includes(type) && typeof source?.value === 'string' ? [source.value] : []
  return [...own, ...Object.values(node).flatMap(modulesIn)]
}

/** The files of a cycle, the first one again at the end; empty when there is none. */
function findCycle(edges: Import[]): string[] {
  const targets = Map.groupBy(edges, ({ file }) => file)
  const done = new Set<string>()
  const visit = (file: string, path: string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return []
    for (const { target } of targets.get(file) ?? []) {
      const cycle = visit(target, [...path, file])
      if (cycle.length > 0) return cycle
    }
    done.add(file)
    return []
  }
  return [...targets.keys()].reduce<string[]>((cycle, file) => (cycle.length > 0 ? cycle : visit(file, [])), [])
}
