import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { safeParse } from 'valibot'
import { describe, expect, test } from 'vitest'
import * as p from '../../../shared/api/parameters.ts'
import { routes } from '../../../shared/api/routes.ts'

test('docs/api.md has a section for each route, and for nothing else', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/api.md'), 'utf8')
  const sections = [...text.matchAll(/^## ((?:GET|PUT|POST|PATCH|DELETE) \/\S*)$/gm)].map(([, section]) => section)
  expect(sections).toEqual(Object.values(routes).map(({ method, path }) => `${method} ${path}`))
})

test('docs/api.md names every parameter of a route in its section', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/api.md'), 'utf8')
  for (const { method, path, query } of Object.values(routes)) {
    const section = text.split(`## ${method} ${path}\n`)[1]?.split('\n## ')[0] ?? ''
    for (const name of Object.keys(query.entries)) expect(section, `${method} ${path}`).toContain(`\`${name}\``)
  }
})

test('no two operations share a method and a path', () => {
  const names = Object.values(routes).map(({ method, path }) => `${method} ${path}`)
  expect(new Set(names).size).toBe(names.length)
})

describe('a time', () => {
  test.each([
    ['2026-03-14', '2026-03-14T00:00:00.000Z'],
    ['2026-03-14T15:09Z', '2026-03-14T15:09:00.000Z'],
    ['2026-03-14T15:09:26.535897+02:00', '2026-03-14T13:09:26.535Z'],
  ])('%s is %s', (text, moment) => {
    expect(safeParse(p.time, text)).toMatchObject({ success: true, output: new Date(moment) })
  })

  test.each(['', '2026', '2026-3-1', '14.3.2026', '2026-02-30', '2026-03-14T15:09:26', '1969-12-31', '+010000-01-01', '1e3'])(
    '%j is none',
    text => {
      expect(safeParse(p.time, text).success).toBe(false)
    },
  )
})
