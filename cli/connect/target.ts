import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { readSetVariables } from '../../shared/environment.ts'
import { CliError } from '../terminal/cli-error.ts'
import { printable, shellQuote } from '../terminal/print.ts'

/** The endpoints of a catalog. What is undefined is AWS's own endpoint, or the default bucket of the API. */
export type Target = {
  apiUrl: string
  s3Url?: string
  bucket?: string
  region: string
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  /** Of the queues, where they differ from those of the bucket. */
  queueCredentials?: { accessKeyId: string; secretAccessKey: string }
  databaseUrl?: string
  queueUrl?: string
  deadLetterQueueUrl?: string
}

/** The flags of every command that select the catalog. */
export type TargetFlags = { api?: string; s3?: string; bucket?: string; data?: string }

/** Adds the flags of TargetFlags to a command. */
export function addTargetOptions(command: Command): Command {
  return command
    .addOption(new Option('--api <url>', 'the HTTP API (CATALOG_API_URL, CATALOG_API_PORT)'))
    .addOption(new Option('--s3 <url>', 'the S3 endpoint (AWS_ENDPOINT_URL_S3)'))
    .addOption(new Option('--bucket <name>', 'the bucket (CATALOG_BUCKET)'))
    .addOption(new Option('--data <folder>', 'data folder of a catalog on this machine (CATALOG_DATA, .catalog)'))
}

/** A command line for the same catalog, with the same flags. */
export function npxCommand(words: string, { api, s3, bucket, data }: TargetFlags): string {
  const flags = Object.entries({ api, s3, bucket, data }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${shellQuote(value)}`],
  )
  return ['npx catalog', words, ...flags].join(' ')
}

/**
 * Finds the catalog. Flags win over the environment, the environment over the `running.json` of a catalog on this machine, and that over the
 * defaults of `npm start`. A remote API means AWS: its S3, and the credentials of the AWS SDK. Throws CliError for a malformed flag and for a
 * folder in which no catalog runs (the defaults could be another catalog, and commands write), Invalid for a malformed variable.
 */
export function resolveTarget(flags: TargetFlags, env: NodeJS.ProcessEnv = process.env): Target {
  const variables = readSetVariables(READ, env)
  const folder = flags.data ?? variables.CATALOG_DATA
  const running = readRunning(folder ?? '.catalog')
  const apiOverride =
    parseUrl('--api', flags.api) ?? withoutSlash(variables.CATALOG_API_URL) ?? localUrl(variables.CATALOG_API_PORT)
  const s3Override =
    parseUrl('--s3', flags.s3) ?? parseUrl('AWS_ENDPOINT_URL_S3', env.AWS_ENDPOINT_URL_S3) ?? localUrl(variables.CATALOG_S3_PORT)
  if (folder !== undefined && !running?.apiUrl && !apiOverride) {
    throw new CliError(
      `No catalog runs in ${printable(resolve(folder))}. Start it with: npm start -- --data ${shellQuote(folder)}`,
    )
  }
  const apiUrl = apiOverride ?? (running?.apiUrl || DEFAULT_API)
  const isRunning = running !== undefined && apiUrl === running.apiUrl
  const isDefault = running === undefined && folder === undefined && apiUrl === DEFAULT_API
  const s3Url = s3Override ?? (isRunning ? running.s3Url : isDefault ? DEFAULT_S3 : undefined)
  return {
    apiUrl,
    s3Url,
    bucket: flags.bucket ?? variables.CATALOG_BUCKET ?? (isRunning ? running.bucket : isLoopback(apiUrl) ? 'catalog' : undefined),
    region: variables.AWS_REGION ?? (env.AWS_DEFAULT_REGION || 'us-east-1'),
    credentials: isLoopback(s3Override ?? apiUrl) ? localCredentials(running, s3Url, env) : undefined,
    queueCredentials: isRunning && running.webhookUrl ? ownCredentials(running) : undefined,
    databaseUrl: variables.DATABASE_URL ?? (isRunning ? running.databaseUrl : undefined),
    queueUrl: variables.CATALOG_QUEUE_URL ?? (isRunning ? running.queueUrl : undefined),
    deadLetterQueueUrl: variables.CATALOG_DEAD_LETTER_QUEUE_URL ?? (isRunning ? running.deadLetterQueueUrl : undefined),
  }
}

const READ = [
  'CATALOG_DATA',
  'CATALOG_API_URL',
  'CATALOG_API_PORT',
  'CATALOG_S3_PORT',
  'CATALOG_BUCKET',
  'CATALOG_QUEUE_URL',
  'CATALOG_DEAD_LETTER_QUEUE_URL',
  'DATABASE_URL',
  'AWS_REGION',
] as const

const DEFAULT_API = 'http://127.0.0.1:8080'

const DEFAULT_S3 = 'http://127.0.0.1:9000'

/** Whether a URL points to this machine. */
export function isLoopback(address: string): boolean {
  const { hostname } = new URL(address)
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || hostname.startsWith('127.')
}

/** What to do when an address can't be reached. */
export function startHint(address: string): string {
  return isLoopback(address) ? 'Start the catalog with: npm start' : 'Check the address and the network.'
}

/** `running.json` as `npm start` writes it; `localstack:deploy` writes no pid. */
type RunningFile = Required<Omit<Target, 'region' | 'credentials' | 'queueCredentials'>> & {
  pid?: number
  accessKeyId: string
  secretAccessKey: string
  /** Of a catalog that follows a bucket of another S3: its credentials are not those of that S3. */
  webhookUrl?: string
}

function readRunning(folder: string): RunningFile | undefined {
  const file = resolve(folder, 'running.json')
  if (!existsSync(file)) return undefined
  const running = parseRunning(file, readFileSync(file, 'utf8'))
  // A dead pid: the file was left behind by kill -9.
  return running.pid === undefined || isAlive(running.pid) ? running : undefined
}

function parseRunning(file: string, text: string): RunningFile {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CliError(`${printable(file)} is not JSON. Start the catalog again with: npm start`, { cause: error })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** The S3 of a running catalog accepts its own credentials only, so they win over those of the environment. */
function localCredentials(
  running: RunningFile | undefined,
  s3Url: string | undefined,
  env: NodeJS.ProcessEnv,
): Target['credentials'] {
  const own = running && !running.webhookUrl ? ownCredentials(running) : undefined
  if (own && running && isSameAddress(running.s3Url, s3Url ?? running.s3Url)) return own
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: sessionToken } = env
  return id && secret ? { accessKeyId: id, secretAccessKey: secret, sessionToken } : own
}

function ownCredentials({ accessKeyId, secretAccessKey }: RunningFile) {
  return { accessKeyId, secretAccessKey }
}

function isSameAddress(one: string, other: string): boolean {
  const [a, b] = [new URL(one), new URL(other)]
  return a.port === b.port && (a.hostname === b.hostname || (isLoopback(one) && isLoopback(other)))
}

function parseUrl(name: string, text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  const parsed = URL.parse(text)
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return withoutSlash(text)
  throw new CliError(`${name} must be an address such as http://127.0.0.1:8080, not ${text}`)
}

function withoutSlash(address: string | undefined): string | undefined {
  return address?.replace(/\/+$/, '')
}

function localUrl(port: number | undefined): string | undefined {
  return port === undefined ? undefined : `http://127.0.0.1:${port}`
}
