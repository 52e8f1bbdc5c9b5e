import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { describeSchema, withoutComment } from '../../shared/schema.ts'
import { databaseTest } from '../support/database.ts'

databaseTest('migrations/schema.sql is what the migrations make; `npm run schema` writes it again', async ({ sql }) => {
  const file = await readFile(join(import.meta.dirname, '../../migrations/schema.sql'), 'utf8')
  expect(await describeSchema(sql)).toBe(file)
})

databaseTest('every table, column, type and function says what it means', async ({ sql }) => {
  expect(await withoutComment(sql)).toEqual([])
})
