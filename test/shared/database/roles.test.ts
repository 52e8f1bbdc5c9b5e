import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DATABASE_OWNER, DATABASE_ROLES } from '../../../shared/database/roles.ts'

test('each function but the migrator, which is the owner, has a role of its own', () => {
  const files = readdirSync(join(import.meta.dirname, '../../../functions')).filter(name => name.endsWith('.ts'))
  const functions = files.map(name => name.slice(0, -3)).filter(name => name !== 'migrator')
  expect(Object.keys(DATABASE_ROLES).sort()).toEqual(functions.sort())
  expect(new Set([DATABASE_OWNER, ...Object.values(DATABASE_ROLES)]).size).toBe(functions.length + 1)
})
