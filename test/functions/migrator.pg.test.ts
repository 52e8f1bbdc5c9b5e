import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { freshDatabase } from '../support/database.ts'

const folder = join(import.meta.dirname, '../../migrations')

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

test('the function applies the migrations of its folder once', async () => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined)
  await using database = await freshDatabase('template1')
  vi.stubEnv('DATABASE_URL', database.url)
  vi.stubEnv('CATALOG_MIGRATIONS', folder)
  const { handler } = await import('../../functions/migrator.ts')
  const first = await handler()
  expect([first.applied[0], first.already]).toEqual(['0001_roles.sql', []])
  expect(await handler()).toEqual({ applied: [], already: first.applied })
})
