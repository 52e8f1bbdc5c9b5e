import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect } from 'vitest'

// A worker runs one file after another: the next file would meet what one leaves behind.

/** This file is evaluated for each test file, the worker's global object is kept. */
const worker = globalThis as { lastTestFile?: string }

let environment: NodeJS.ProcessEnv

beforeAll(async () => {
  // Not after a file, because fixtures of a file end last. A handle is closed a moment after its server or program has ended.
  for (let n = 0; n < 200 && running().length > 0; n++) await sleep(5)
  expect(running(), `servers and programs that ${worker.lastTestFile} left running`).toEqual([])
  worker.lastTestFile = expect.getState().testPath
  environment = { ...process.env }
})

afterAll(() => {
  const names = Object.keys({ ...environment, ...process.env })
  const changed = names.filter(name => process.env[name] !== environment[name])
  expect(changed, 'variables that the file left changed').toEqual([])
})

function running(): string[] {
  return process.getActiveResourcesInfo().filter(type => type === 'TCPServerWrap' || type === 'ProcessWrap')
}
