import { lstat, mkdir, realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { CliError, errorCode } from '../terminal/cli-error.ts'

/** The longest name of a file, in bytes. Source: NAME_MAX of Linux and macOS. */
const MAX_NAME_BYTES = 255

/**
 * Why a file system can't hold a key below a folder as its path, or undefined if it can. A name such as `..` or an absolute path would be
 * outside of the folder.
 */
export function problemOfPath(path: string, platform: NodeJS.Platform = process.platform): string | undefined {
  const names = path.split('/')
  if (path === '' || path.endsWith('/')) return 'its key ends with a slash, so it is not a file'
  if (names.includes('')) return 'its key has an empty name between slashes'
  if (names.some(name => name === '.' || name === '..'))
    return 'its key has the name . or .., which would be outside of the folder'
  if (path.includes('\0')) return 'its key has the character U+0000'
  if (!path.isWellFormed()) return 'its key is not UTF-8'
  if (names.some(name => Buffer.byteLength(name) > MAX_NAME_BYTES))
    return `a name in its key is longer than ${MAX_NAME_BYTES} bytes`
  if (platform === 'win32' && names.some(isNotForWindows)) return 'Windows allows no such name'
  return undefined
}

/**
 * Creates the folders of a path below `root` and returns the path of the file. Throws CliError when a symbolic link in it leads out of
 * the folder, or when a file is where a folder must be.
 */
export async function makeFolders(root: string, path: string): Promise<string> {
  const names = path.split('/')
  const real = await realpath(root)
  let folder = real
  for (const name of names.slice(0, -1)) {
    folder = join(folder, name)
    try {
      await mkdir(folder)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
      const found = await realpath(folder)
      if (found !== real && !found.startsWith(real.endsWith(sep) ? real : real + sep))
        throw new CliError(`${folder} is a symbolic link out of the folder`)
      if (!(await lstat(found)).isDirectory()) throw new CliError(`${folder} is a file, but a folder is needed`)
    }
  }
  return join(folder, names.at(-1)!)
}

/** Creates the folder of a destination. */
export async function makeParent(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
}

// Source: Microsoft, "Naming Files, Paths, and Namespaces".
function isNotForWindows(name: string): boolean {
  return /[<>:"\\|?*\p{Cc}]|[ .]$/u.test(name) || /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name)
}
