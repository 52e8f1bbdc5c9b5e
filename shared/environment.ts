import { Invalid } from './errors.ts'
import { REFRESH_DAYS } from './limits.ts'

/** A program that reads variables; the functions' own are in the rows of `shared/functions.ts`. */
export type Program = 'npx catalog' | 'npm start' | 'npm run conformance' | 'npm run localstack:deploy'

/** One environment variable: what it means, and which values it may have. */
export type Variable = { meaning: string } & (
  | { type: 'text'; default?: string }
  | { type: 'url' }
  | { type: 'integer'; from: number; to: number; default?: number }
  | { type: 'flag'; default: boolean }
  | { type: 'choice'; choices: readonly string[] }
)

/** Every environment variable that the catalog reads. `docs/configuration.md` shows the same; a test compares them. */
export const VARIABLES = {
  DATABASE_URL: {
    type: 'text',
    meaning: 'address of Postgres; used instead of `DATABASE_HOST`, where there is no RDS',
  },
  DATABASE_ROLE: { type: 'text', meaning: 'role that sessions of `DATABASE_URL` act as' },
  DATABASE_HOST: { type: 'text', meaning: 'host name of RDS or its proxy; sign-in is with IAM' },
  DATABASE_NAME: { type: 'text', meaning: 'name of the database at `DATABASE_HOST`' },
  DATABASE_USER: { type: 'text', meaning: 'database user that signs in at `DATABASE_HOST`' },
  DATABASE_CA_FILE: {
    type: 'text',
    meaning: 'PEM file of the certificate authorities to trust; unset, those that Node trusts',
  },
  DATABASE_POOL: { type: 'integer', from: 2, to: 20, default: 10, meaning: 'connections to the database, at most' },
  CATALOG_BUCKET: {
    type: 'text',
    meaning: 'the bucket of the catalog; the API uses it when a request names none',
  },
  CATALOG_AUDIT_RETENTION_DAYS: { type: 'integer', from: 1, to: 36_500, meaning: 'days that audit entries are kept' },
  CATALOG_REFRESH_DAYS: {
    type: 'integer',
    from: REFRESH_DAYS.min,
    to: REFRESH_DAYS.max,
    default: REFRESH_DAYS.default,
    meaning: 'days within which S3 is asked again about every version',
  },
  CATALOG_RECONCILE_HOURS: {
    type: 'integer',
    from: 1,
    to: 168,
    meaning: 'hours between two scheduled reconciles, at most',
  },
  CATALOG_DEAD_LETTER_QUEUE_URL: {
    type: 'url',
    meaning: 'queue for events that cannot be indexed',
  },
  CATALOG_RECONCILER_FUNCTION: { type: 'text', meaning: 'name of the reconciler, which the API invokes' },
  CATALOG_S3_PATH_STYLE: {
    type: 'flag',
    default: false,
    meaning: 'whether the bucket is in the path of S3 addresses, as LocalStack needs it',
  },
  CATALOG_API_URL: { type: 'url', meaning: 'address of the API' },
  CATALOG_API_AUTH: {
    type: 'choice',
    choices: ['iam', 'none'],
    meaning: 'whether requests to the API are signed; unset, those to other machines are',
  },
  CATALOG_API_TOKEN: {
    type: 'text',
    meaning: 'ID token of Cognito, sent instead of a signature',
  },
  CATALOG_QUEUE_URL: {
    type: 'url',
    meaning: 'queue of the bucket’s events',
  },
  CATALOG_DATA: {
    type: 'text',
    default: '.catalog',
    meaning: 'folder of a catalog on this machine',
  },
  CATALOG_API_PORT: {
    type: 'integer',
    from: 0,
    to: 65_535,
    default: 8080,
    meaning: 'port of the API; 0 takes a free one',
  },
  CATALOG_S3_PORT: {
    type: 'integer',
    from: 0,
    to: 65_535,
    default: 9000,
    meaning: 'port of the S3 endpoint; 0 takes a free one',
  },
  CATALOG_S3_ENDPOINT: {
    type: 'url',
    meaning: 'S3 of one’s own, such as Ceph or MinIO, whose bucket `CATALOG_BUCKET` is followed',
  },
  CATALOG_POLL_SECONDS: {
    type: 'integer',
    from: 1,
    to: 86_400,
    default: 300,
    meaning: 'seconds between two reconciles of the bucket at `CATALOG_S3_ENDPOINT`',
  },
  CATALOG_WEBHOOK_PORT: {
    type: 'integer',
    from: 0,
    to: 65_535,
    default: 8081,
    meaning: 'port for the notifications of the bucket at `CATALOG_S3_ENDPOINT`; 0 takes a free one',
  },
  CATALOG_POSTGRES_PORT: {
    type: 'integer',
    from: 0,
    to: 65_535,
    default: 0,
    meaning: 'port of Postgres; 0 takes a free one. With Docker Compose 5433 unless set',
  },
  CATALOG_PRUNE_FUNCTION: {
    type: 'text',
    meaning: 'name of the pruner, which the suite invokes',
  },
  CATALOG_PRUNE_EVERY_SECONDS: {
    type: 'integer',
    from: 1,
    to: 86_400,
    meaning: 'interval of the pruner’s schedule, if it is short enough to wait for',
  },
  CATALOG_WAIT_SECONDS: {
    type: 'integer',
    from: 1,
    to: 3600,
    meaning: 'seconds to wait for the catalog to follow the bucket; unset, 60 on this machine and 180 elsewhere',
  },
  AWS_REGION: { type: 'text', meaning: 'region of RDS and of the bucket; Lambda sets it' },
  AWS_LAMBDA_FUNCTION_NAME: { type: 'text', meaning: 'name of the running function; Lambda sets it' },
} as const satisfies Record<string, Variable>

/** The name of a variable of the list. */
export type VariableName = keyof typeof VARIABLES

/** The variables that programs read besides functions. A table of its own, so that no function has it in its bundle. */
export const READ_BY: Record<Program, readonly VariableName[]> = {
  'npm start': [
    'CATALOG_BUCKET',
    'CATALOG_REFRESH_DAYS',
    'CATALOG_DATA',
    'CATALOG_API_PORT',
    'CATALOG_S3_PORT',
    'CATALOG_S3_ENDPOINT',
    'CATALOG_POLL_SECONDS',
    'CATALOG_WEBHOOK_PORT',
    'CATALOG_POSTGRES_PORT',
  ],
  'npx catalog': [
    'DATABASE_URL',
    'DATABASE_HOST',
    'DATABASE_NAME',
    'DATABASE_USER',
    'DATABASE_CA_FILE',
    'CATALOG_BUCKET',
    'CATALOG_DEAD_LETTER_QUEUE_URL',
    'CATALOG_API_URL',
    'CATALOG_API_AUTH',
    'CATALOG_API_TOKEN',
    'CATALOG_QUEUE_URL',
    'CATALOG_DATA',
    'CATALOG_API_PORT',
    'CATALOG_S3_PORT',
    'AWS_REGION',
  ],
  'npm run conformance': [
    'DATABASE_URL',
    'CATALOG_BUCKET',
    'CATALOG_DEAD_LETTER_QUEUE_URL',
    'CATALOG_API_URL',
    'CATALOG_API_AUTH',
    'CATALOG_API_TOKEN',
    'CATALOG_QUEUE_URL',
    'CATALOG_DATA',
    'CATALOG_API_PORT',
    'CATALOG_S3_PORT',
    'CATALOG_PRUNE_FUNCTION',
    'CATALOG_PRUNE_EVERY_SECONDS',
    'CATALOG_WAIT_SECONDS',
  ],
  'npm run localstack:deploy': ['DATABASE_URL', 'CATALOG_POSTGRES_PORT'],
}

type ValueOfType<V> = V extends { type: 'integer' }
  ? number
  : V extends { type: 'flag' }
    ? boolean
    : V extends { choices: readonly (infer Choice)[] }
      ? Choice
      : string

/** The value of a variable that is set or has a default. */
export type Value<Name extends VariableName> = ValueOfType<(typeof VARIABLES)[Name]>

/** Values by name; undefined where a variable is unset and has no default. */
export type Values<Name extends VariableName> = {
  [N in Name]: Value<N> | ((typeof VARIABLES)[N] extends { default: unknown } ? never : undefined)
}

/** Reads and checks variables; an empty one counts as unset. Throws Invalid, which names the variable, its value and the values allowed. */
export function readVariables<const Name extends VariableName>(
  names: readonly Name[],
  env: NodeJS.ProcessEnv = process.env,
): Values<Name> {
  return Object.fromEntries(names.map(name => [name, valueFrom(name, env[name] || undefined)])) as Values<Name>
}

/** The same without defaults: undefined for each variable that is unset. */
export function readSetVariables<const Name extends VariableName>(
  names: readonly Name[],
  env: NodeJS.ProcessEnv = process.env,
): { [N in Name]?: Value<N> } {
  return readVariables(
    names.filter(name => env[name]),
    env,
  ) as { [N in Name]?: Value<N> }
}

/** The same for variables without which a program cannot work: throws Invalid for one that is unset and has no default. */
export function requireVariables<const Name extends VariableName>(
  names: readonly Name[],
  env: NodeJS.ProcessEnv = process.env,
): { [N in Name]: Value<N> } {
  const values: Record<string, unknown> = readVariables(names, env)
  const missing = names.find(name => values[name] === undefined)
  if (missing) throw new Invalid(`${missing} is required: ${VARIABLES[missing].meaning}`)
  return values as { [N in Name]: Value<N> }
}

/** Variables that begin like ours and are not in the list: misspelled, or of another version. */
export function unknownVariables(env: NodeJS.ProcessEnv = process.env): string[] {
  return Object.keys(env).filter(name => name.startsWith('CATALOG_') && !(name in VARIABLES))
}

/** The values that a variable may have, in words. */
export function allowedValues(variable: Variable): string {
  if (variable.type === 'integer') return `a whole number from ${variable.from} to ${variable.to}`
  if (variable.type === 'flag') return 'true or false'
  if (variable.type === 'url') return 'an http or https address'
  return variable.type === 'choice' ? variable.choices.join(' or ') : 'text'
}

function valueFrom(name: VariableName, text: string | undefined): unknown {
  const variable: Variable = VARIABLES[name]
  if (text === undefined) return 'default' in variable ? variable.default : undefined
  const value = parse(variable, text)
  if (value === undefined) throw new Invalid(`${name} must be ${allowedValues(variable)}, not ${text}`)
  return value
}

/** Undefined when the text is not allowed. */
function parse(variable: Variable, text: string): string | number | boolean | undefined {
  if (variable.type === 'integer') {
    const value = Number(text)
    return /^\d{1,15}$/.test(text) && value >= variable.from && value <= variable.to ? value : undefined
  }
  if (variable.type === 'flag') return { true: true, false: false }[text]
  if (variable.type === 'choice') return variable.choices.includes(text) ? text : undefined
  if (variable.type === 'url') return /^https?:$/.test(URL.parse(text)?.protocol ?? '') ? text : undefined
  return text
}
