import { expect, test } from 'vitest'
import { countRepeats } from '../../local/repeated-lines.ts'

test('a line that repeats for every event filled the log; it is printed at once and then counted, once a minute', () => {
  const { log, lines, pass } = start()
  for (let n = 0; n < 1000; n++) log('S3 is busy')
  expect(lines).toEqual(['S3 is busy'])
  pass(60_000)
  log('S3 is busy')
  expect(lines).toEqual(['S3 is busy', 'S3 is busy (1000 times since it was last printed)'])
  pass(59_000)
  log('S3 is busy')
  expect(lines).toHaveLength(2)
})

test('lines about different things do not wait for each other', () => {
  const { log, lines } = start()
  for (const line of ['a', 'b', 'a', 'c']) log(line)
  expect(lines).toEqual(['a', 'b', 'c'])
})

test('lines with the same reason are one line, of which the newest is printed', () => {
  const { log, lines, pass } = start()
  for (const key of ['k1', 'k2', 'k3']) log(`NoSuchKey, for example ${key}`, 'NoSuchKey')
  pass(60_000)
  log('NoSuchKey, for example k4', 'NoSuchKey')
  expect(lines).toEqual(['NoSuchKey, for example k1', 'NoSuchKey, for example k4 (3 times since it was last printed)'])
})

test('the count of a line that stops is printed with the next line of another kind, or at the end', () => {
  const { log, lines, pass, close } = start()
  for (let n = 0; n < 3; n++) log('a')
  pass(60_000)
  for (let n = 0; n < 4; n++) log('b')
  expect(lines).toEqual(['a', 'b', 'a (2 times since it was last printed)'])
  close()
  expect(lines.at(-1)).toBe('b (3 times since it was last printed)')
})

/** A log with a clock that the test moves. */
function start() {
  const lines: string[] = []
  let now = 0
  const { log, close } = countRepeats(line => lines.push(line), { now: () => now })
  return { log, close, lines, pass: (milliseconds: number) => (now += milliseconds) }
}
