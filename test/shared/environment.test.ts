import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { functionEnvironment } from '../../functions/runtime/environment.ts'
import {
  allowedValues,
  READ_BY,
  readVariables,
  requireVariables,
  VARIABLES,
  type Variable,
  type VariableName,
} from '../../shared/environment.ts'
import { functionNames, functionRow } from '../../shared/functions.ts'

describe('a variable', () => {
  test.each([
    ['DATABASE_POOL', '2', 2],
    ['DATABASE_POOL', '20', 20],
    ['DATABASE_POOL', '', 10],
    ['DATABASE_POOL', undefined, 10],
    ['CATALOG_S3_PATH_STYLE', 'true', true],
    ['CATALOG_S3_PATH_STYLE', undefined, false],
    ['CATALOG_API_AUTH', 'iam', 'iam'],
    ['CATALOG_QUEUE_URL', 'https://sqs.example.com/1/events', 'https://sqs.example.com/1/events'],
    ['CATALOG_BUCKET', '', undefined],
  ] as const)('%s=%s is %j', (name, text, value) => {
    expect(readVariables([name], { [name]: text })).toEqual({ [name]: value })
  })

  test.each([
    ['DATABASE_POOL', '1', 'a whole number from 2 to 20'],
    ['DATABASE_POOL', '21', 'a whole number from 2 to 20'],
    ['DATABASE_POOL', ' 4', 'a whole number from 2 to 20'],
    ['DATABASE_POOL', '0x4', 'a whole number from 2 to 20'],
    ['CATALOG_S3_PATH_STYLE', 'yes', 'true or false'],
    ['CATALOG_API_AUTH', 'IAM', 'iam or none'],
    ['CATALOG_QUEUE_URL', 'events', 'an http or https address'],
  ] as const)('%s=%s is refused with the values allowed', (name, text, allowed) => {
    expect(() => readVariables([name], { [name]: text })).toThrow(`${name} must be ${allowed}, not ${text}`)
  })

  test('that is required and missing is refused with its meaning', () => {
    expect(() => requireVariables(['CATALOG_BUCKET'], {})).toThrow('CATALOG_BUCKET is required: the bucket of the catalog')
    expect(requireVariables(['CATALOG_S3_PATH_STYLE'], {})).toEqual({ CATALOG_S3_PATH_STYLE: false })
  })
})

describe('a function', () => {
  test('reads the variables of its row, and its name if Lambda runs it', () => {
    expect(functionEnvironment<'pruner'>(['CATALOG_AUDIT_RETENTION_DAYS'], { CATALOG_AUDIT_RETENTION_DAYS: '30' })).toEqual({
      CATALOG_AUDIT_RETENTION_DAYS: 30,
    })
    const env = { CATALOG_DEAD_LETTER_QUEUE_URL: 'http://queue', AWS_LAMBDA_FUNCTION_NAME: 'indexer' }
    expect(functionEnvironment<'indexer'>(['CATALOG_DEAD_LETTER_QUEUE_URL', 'CATALOG_S3_PATH_STYLE'], env)).toEqual({
      ...env,
      CATALOG_S3_PATH_STYLE: false,
    })
  })

  test('refuses a misspelled variable of ours, and ignores those of others', () => {
    const env = { CATALOG_AUDIT_RETENTION_DAYS: '30', CATALOG_AUDIT_DAYS: '7' }
    expect(() => functionEnvironment<'pruner'>(['CATALOG_AUDIT_RETENTION_DAYS'], env)).toThrow(
      'CATALOG_AUDIT_DAYS is not a variable of the catalog',
    )
    expect(functionEnvironment<'migrator'>([], { LANG: 'C' })).toEqual({})
  })
})

describe('docs/configuration.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8')

  test('has the rows of the list, in its order', () => {
    const rows = page.split('\n').filter(line => line.startsWith('| `'))
    expect(rows).toEqual(Object.keys(VARIABLES).map(name => rowOf(name as VariableName)))
  })
})

/** A variable as the page shows it. */
function rowOf(name: VariableName): string {
  const variable: Variable = VARIABLES[name]
  const preset = 'default' in variable && variable.default !== undefined ? `\`${variable.default}\`` : ''
  return `| \`${name}\` | ${allowedValues(variable)} | ${preset} | ${variable.meaning} | ${readers(name).join(', ')} |`
}

function readers(name: VariableName): string[] {
  const everyFunction = /^(DATABASE_|AWS_)/.test(name) ? ['every function'] : []
  const functions = functionNames().filter(each => functionRow(each).environment.includes(name))
  const programs = Object.entries(READ_BY).flatMap(([program, names]) => (names.includes(name) ? [program] : []))
  return [...everyFunction, ...functions.map(each => `\`${each}\``), ...programs.map(program => `\`${program}\``)]
}
