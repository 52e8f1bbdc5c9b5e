import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** One file of the migrations folder; `name` is its path in the folder, with slashes. `text` has line feeds only, and `sha256` (hex) is of that. */
export type MigrationFile = { name: string; text: string; sha256: string }

/** The file of one SQL function: `functionName` is the file's own name, `requires` names the functions that must exist before it. */
export type FunctionFile = MigrationFile & { functionName: string; requires: string[] }

/** What a folder holds, in the order in which it is applied: all tables before all functions. */
export type Migrations = { tables: MigrationFile[]; functions: FunctionFile[] }

/** Generated from the migrations, kept beside them. */
const SCHEMA_FILE = 'schema.sql'

const FUNCTIONS = 'functions/'

/**
 * Reads a migrations folder: `NNNN_noun.sql`, numbered from 0001 without gaps, and `functions/.../name.sql` in the order of their
 * `-- requires: a, b` headers. Throws when a name, a number or a header is wrong, or when a file begins or ends a transaction.
 */
export async function readMigrations(folder: string): Promise<Migrations> {
  const paths = (await readdir(folder, { recursive: true })).map(path => path.replaceAll('\\', '/')).sort()
  const names = paths.filter(path => /\.sql$/i.test(path) && path !== SCHEMA_FILE)
  const files = await Promise.all(names.map(name => readMigration(folder, name)))
  const tables = files.filter(({ name }) => !name.startsWith(FUNCTIONS))
  checkNumbers(tables.map(({ name }) => name))
  return { tables, functions: inOrder(files.filter(({ name }) => name.startsWith(FUNCTIONS)).map(toFunction)) }
}

/** As `commit;` at the start of a line; in a function's body `begin` has no semicolon. */
const TRANSACTION_CONTROL = /^\s*(begin|start\s+transaction|commit|rollback)\s*;/im

async function readMigration(folder: string, name: string): Promise<MigrationFile> {
  // A checkout on Windows may have other line ends; the file is the same.
  const text = (await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n')
  if (text.startsWith('-- no transaction')) throw new Error(`${name} asks for no transaction: each migration runs in one`)
  const control = TRANSACTION_CONTROL.exec(text)
  if (control) {
    const line = text.slice(0, control.index + control[0].length).split('\n').length
    throw new Error(`${name}, line ${line}: a migration can't end or begin a transaction`)
  }
  return { name, text, sha256: createHash('sha256').update(text).digest('hex') }
}

const TABLE_NAME = /^(\d{4})_[a-z][a-z0-9_]*\.sql$/

function checkNumbers(names: string[]): void {
  for (const [index, name] of names.entries()) {
    const number = TABLE_NAME.exec(name)?.[1]
    if (!number) throw new Error(`${name} is not a valid name: expected NNNN_noun.sql or functions/name.sql`)
    if (Number(number) === index) throw new Error(`${name} has the same number as ${names[index - 1]}`)
    if (Number(number) !== index + 1)
      throw new Error(`${name} leaves a gap: number ${String(index + 1).padStart(4, '0')} is missing`)
  }
}

const FUNCTION_NAME = /^[a-z][a-z0-9_]*$/

function toFunction(file: MigrationFile): FunctionFile {
  const functionName = basename(file.name, '.sql')
  if (!FUNCTION_NAME.test(functionName))
    throw new Error(`${file.name} is not named after a function: expected functions/name.sql`)
  const requires = /^-- requires: (.*)/.exec(file.text)?.[1] ?? ''
  return { ...file, functionName, requires: requires.split(',').flatMap(name => name.trim() || []) }
}

/** Each file after those that it requires, otherwise by path. */
function inOrder(files: FunctionFile[]): FunctionFile[] {
  const byName = new Map<string, FunctionFile>()
  for (const file of files) {
    const twin = byName.get(file.functionName)
    if (twin) throw new Error(`${file.name} has the same name as ${twin.name}`)
    byName.set(file.functionName, file)
  }
  const ordered = new Set<FunctionFile>()
  const visit = (file: FunctionFile, path: FunctionFile[]) => {
    if (ordered.has(file)) return
    if (path.includes(file))
      throw new Error(`${file.name} requires itself: ${[...path, file].map(f => f.functionName).join(' -> ')}`)
    for (const name of file.requires) {
      const required = byName.get(name)
      if (!required) throw new Error(`${file.name} requires ${name}, which has no file`)
      visit(required, [...path, file])
    }
    ordered.add(file)
  }
  for (const file of files) visit(file, [])
  return [...ordered]
}
