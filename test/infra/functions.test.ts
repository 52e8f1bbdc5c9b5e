import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { functionNames } from '../../shared/functions.ts'

const ROOT = join(import.meta.dirname, '../..')

test('every file in functions/ has a row in the table of functions, and every row a file', () => {
  const files = globSync('functions/*.ts', { cwd: ROOT }).map(file => basename(file, '.ts'))
  expect(functionNames().sort()).toEqual(files.sort())
})

test('no code outside the table compares the name of a function', () => {
  const names = functionNames().join('|')
  const comparison = new RegExp(`([!=]==? |case |includes\\()'(${names})'|'(${names})' [!=]==?`)
  const files = globSync('{shared,functions,infra,local,cli}/**/*.ts', { cwd: ROOT })
  expect(files.length).toBeGreaterThan(100)
  expect(files.filter(file => comparison.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([])
})
