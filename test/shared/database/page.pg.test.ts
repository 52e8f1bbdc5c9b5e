import { describe, expect } from 'vitest'
import { getAuditLogs } from '../../../shared/catalog/audit.ts'
import { listObjects } from '../../../shared/catalog/objects.ts'
import { listVersions } from '../../../shared/catalog/versions.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { Invalid } from '../../../shared/errors.ts'
import { searchObjects } from '../../../shared/search/search.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'

const lists: Record<string, (sql: Sql, limit: number) => Promise<unknown>> = {
  getAuditLogs: (sql, limit) => getAuditLogs(sql, { limit }),
  listObjects: (sql, limit) => listObjects(sql, { bucket: 'docs', limit }),
  listVersions: (sql, limit) => listVersions(sql, { bucket: 'docs', key: 'a', limit }),
  searchObjects: (sql, limit) => searchObjects(sql, { query: 'a', limit }),
}

describe.each(Object.entries(lists))('%s', (_, list) => {
  test.for([1, 1000])('returns a page of up to %i items', async (limit, { sql }) => {
    expect(await list(sql, limit)).toMatchObject({ items: [], nextCursor: null })
  })

  test.for([0, 1001, -1, 1.5, Number.NaN])('refuses a limit of %d', async (limit, { sql }) => {
    const page = list(sql, limit)
    await expect(page).rejects.toThrow(Invalid)
    await expect(page).rejects.toThrow(`limit must be a whole number from 1 to 1000, not ${limit}`)
  })
})
