import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { type LocalCatalog, startCatalog } from '../../local/catalog.ts'
import { makeDataFolder } from '../support/postgres/data-folder.ts'

/** The result of a command. */
export type CommandResult = { code: number | null; stdout: string; stderr: string }

/** A running command; `ended` resolves to its result. */
export type RunningCommand = { child: ChildProcessByStdio<null, Readable, Readable>; ended: Promise<CommandResult> }

/** A running catalog in a folder of its own, and the command line beside it. */
export type TestCatalog = {
  catalog: LocalCatalog
  folder: string
  s3: S3Client
  run(...args: string[]): Promise<CommandResult>
  start(...args: string[]): RunningCommand
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts one for a test file; disposing of it stops all of it. */
export async function testCatalog(): Promise<TestCatalog> {
  const folder = await makeDataFolder('storage-catalog-cli-')
  const catalog = await startCatalog({ folder: join(folder, 'data'), apiPort: 0, s3Port: 0, postgresPort: 0, refreshDays: 30 })
  const s3 = new S3Client({ endpoint: catalog.s3Url, region: 'us-east-1', forcePathStyle: true, credentials: catalog })
  const env = { CATALOG_DATA: join(folder, 'data') }
  return {
    catalog,
    folder,
    s3,
    run: (...args) => startCommand(args, env).ended,
    start: (...args) => startCommand(args, env),
    async [Symbol.asyncDispose]() {
      s3.destroy()
      await catalog.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** Runs the command line as an operator does, with nothing in its environment but what is given. */
export function startCommand(args: string[], env: Record<string, string> = {}, stdout: 'pipe' | number = 'pipe'): RunningCommand {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, HOME: tmpdir(), NO_COLOR: '1', ...env },
    stdio: ['ignore', stdout, 'pipe'],
  }) as RunningCommand['child']
  return { child, ended: collectResult(child) }
}

/** Uploads an object and waits until the catalog has it. Returns its version id. */
export async function putObject({ catalog, s3 }: TestCatalog, key: string, body: string | Buffer, rest = {}): Promise<string> {
  const { VersionId = '' } = await s3.send(new PutObjectCommand({ Bucket: 'catalog', Key: key, Body: body, ...rest }))
  await eventually(
    async () => (await (await fetch(`${catalog.apiUrl}/versions?limit=1&key=${encodeURIComponent(key)}`)).json()) as Versions,
    ({ items }) => items[0]?.versionId === VersionId,
  )
  return VersionId
}

type Versions = { items: { versionId: string }[] }

/** Repeats a request until its result is right; otherwise the timeout of the test ends it. */
export async function eventually<T>(ask: () => Promise<T>, isRight: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await ask()
    if (isRight(seen)) return seen
    await sleep(10)
  }
}

/** The program that npx runs. */
export const LAUNCHER = join(import.meta.dirname, '../../cli/catalog.js')

async function collectResult(child: RunningCommand['child']): Promise<CommandResult> {
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close'),
    child.stdout ? text(child.stdout) : '',
    text(child.stderr),
  ])
  return { code, stdout, stderr }
}

async function text(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
