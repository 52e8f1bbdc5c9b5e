import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

/** What each folder may import of ours. */
const MAY_IMPORT: Record<string, string[]> = {
  shared: ['shared'],
  functions: ['functions', 'shared'],
  infra: ['infra', 'shared'],
  local: ['local', 'functions', 'shared'],
  cli: ['cli', 'functions', 'shared'],
  console: ['console'],
}

describe('imports point one way', () => {
  test.each(Object.entries(MAY_IMPORT))('%s imports of ours only what it may', (folder, allowed) => {
    const wrong = importsOf(folder).filter(({ target }) => !allowed.includes(target.split('/')[0] ?? ''))
    expect(wrong).toEqual([])
  })

  test('no function imports another', () => {
    const isFunction = (path: string) => /^functions\/[^/]+\.ts$/.test(path)
    expect(importsOf('functions').filter(({ target }) => isFunction(target))).toEqual([])
  })

  test('nothing but infra itself imports what runs only at synthesis', () => {
    const wrong = ['shared', 'functions', 'local', 'cli'].flatMap(importsOf).filter(({ target }) => target.startsWith('infra'))
    expect(wrong).toEqual([])
  })
})

function importsOf(folder: string): { file: string; target: string }[] {
  return globSync(`${folder}/**/*.ts`, { cwd: ROOT }).flatMap(file => {
    const source = readFileSync(join(ROOT, file), 'utf8')
    const specifiers = [...source.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map(match => match[1] ?? '')
    return specifiers.map(specifier => ({ file, target: relative(ROOT, join(ROOT, dirname(file), specifier)) }))
  })
}
