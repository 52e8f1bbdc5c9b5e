import { open } from 'node:fs/promises'
import { extname } from 'node:path'
import { lookup } from 'mime-types'
import type { LocalFile } from './walk.ts'

/**
 * The content type of a file, by its name; of `.ts` and `.mts` also by its first bytes, because they are TypeScript or video. No charset:
 * a name does not tell it.
 */
export async function contentTypeOf({ key, path }: Pick<LocalFile, 'key' | 'path'>): Promise<string> {
  const name = key.split('/').at(-1)!.toLowerCase()
  const extension = extname(name).slice(1)
  if ((extension === 'ts' || extension === 'mts') && (await isVideo(path))) return 'video/mp2t'
  return SOURCES.get(extension) ?? NAMES.get(name) ?? (lookup(name) || 'application/octet-stream')
}

/** Sources that mime-types has under another type or not at all: most have no registered type, so the names of editors and browsers are used. */
const SOURCES = new Map(
  Object.entries({
    'text/typescript': 'ts mts cts tsx',
    'text/jsx': 'jsx',
    'text/x-python': 'py pyi pyw',
    'text/x-php': 'php phtml',
    'text/x-rust': 'rs',
    'text/x-go': 'go',
    'text/x-ruby': 'rb rake gemspec',
    'text/x-java-source': 'java',
    'text/x-kotlin': 'kt kts',
    'text/x-scala': 'scala sc',
    'text/x-swift': 'swift',
    'text/x-csharp': 'cs',
    'text/x-c': 'c h',
    'text/x-c++': 'cc cpp cxx hh hpp hxx',
    'text/x-lua': 'lua',
    'text/x-perl': 'pl pm',
    'text/x-r': 'r',
    'text/x-dart': 'dart',
    'text/x-elixir': 'ex exs',
    'text/x-erlang': 'erl hrl',
    'text/x-haskell': 'hs',
    'text/x-clojure': 'clj cljs cljc',
    'text/x-zig': 'zig',
    'text/x-shellscript': 'sh bash zsh fish',
    'text/x-powershell': 'ps1 psm1',
    'text/x-vue': 'vue',
    'text/x-svelte': 'svelte',
    'text/x-terraform': 'tf tfvars',
    'text/x-protobuf': 'proto',
    'application/sql': 'sql',
    'application/toml': 'toml',
    'application/graphql': 'graphql gql',
    'application/x-ipynb+json': 'ipynb',
    'application/x-ndjson': 'jsonl ndjson',
    'application/vnd.apache.parquet': 'parquet',
    'text/plain': 'lock properties',
  }).flatMap(([type, extensions]) => extensions.split(' ').map((extension): [string, string] => [extension, type])),
)

/** Files without an extension. `.gitignore` and the like have none either. */
const NAMES = new Map(
  [
    ...['makefile', 'dockerfile', 'containerfile', 'license', 'licence', 'readme', 'changelog', 'authors', 'notice', 'copying'],
    ...['.gitignore', '.gitattributes', '.editorconfig', '.dockerignore', '.env', '.npmrc', '.nvmrc'],
  ].map((name): [string, string] => [name, 'text/plain']),
)

/** Bytes of a packet of an MPEG transport stream, each of which begins with the same byte. */
const PACKET = { bytes: 188, start: 0x47 }

async function isVideo(path: Buffer): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PACKET.bytes + 1), 0, PACKET.bytes + 1, 0)
    return bytesRead > PACKET.bytes && buffer[0] === PACKET.start && buffer[PACKET.bytes] === PACKET.start
  } finally {
    await file.close()
  }
}
