import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { formatCount, formatSize, printable, printableJson, shellQuote } from '../../cli/terminal/print.ts'
import { formatTable } from '../../cli/terminal/table.ts'

test('only characters that move the cursor, color the terminal or reverse text are escaped', () => {
  expect(printable('a\x1b[2J\r\n\x07\x7f\x9b1m\u202egpj.exe\u2066\ud800')).toBe(
    'a\\u001b[2J\\u000d\\u000a\\u0007\\u007f\\u009b1m\\u202egpj.exe\\u2066\\ud800',
  )
  expect(printable('é 漢字 😀 e\u0301 \\u001b')).toBe('é 漢字 😀 e\u0301 \\u001b')
})

test('JSON is safe in a terminal and still the same value', () => {
  const value = { key: 'a\x1b\x7f\x9b\u202e\u2028\ud800\0é😀' }
  const text = printableJson(value)
  expect(text).toMatch(/^[\x20-\x7eé😀]*$/u)
  expect(JSON.parse(text)).toEqual(value)
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [10_240, '10 KiB'],
  [143_588_383, '137 MiB'],
  [5 * 1024 ** 4, '5.0 TiB'],
  [3000 * 1024 ** 5, '3000 PiB'],
])('%i bytes are %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text)
})

test('counts agree with their nouns', () => {
  expect([formatCount(1, 'file'), formatCount(4068, 'file'), formatCount(0, 'entry'), formatCount(2, 'key')]).toEqual([
    '1 file',
    '4,068 files',
    '0 entries',
    '2 keys',
  ])
})

test('an unprintable key is quoted in the form of bash', () => {
  for (const key of ['a\x1b[31m', "it's\n\\n", '\u202e\u009b']) {
    expect(shellQuote(key)).toBe(printable(shellQuote(key)))
    const bash = spawnSync('bash', ['-c', `printf %s ${shellQuote(key)}`], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    })
    expect(bash.stdout).toBe(key)
  }
})

test('a key is quoted for a shell only if necessary', () => {
  expect([shellQuote('a/b.txt'), shellQuote("it's"), shellQuote(''), shellQuote('$HOME')]).toEqual([
    'a/b.txt',
    `'it'\\''s'`,
    "''",
    "'$HOME'",
  ])
})

test('without a terminal each row is one line', () => {
  const key = 'k'.repeat(1024)
  const columns = [
    { heading: 'Key', text: (key: string) => key, share: 1 },
    { heading: 'Size', text: (key: string) => String(key.length), align: 'right' as const },
  ]
  expect(formatTable([key, 'b'], columns, undefined).split('\n')).toEqual([
    `${'Key'.padEnd(1026)}Size`,
    `${key}  1024`,
    `${'b'.padEnd(1026)}   1`,
  ])
})
