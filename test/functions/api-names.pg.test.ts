import fc from 'fast-check'
import { expect } from 'vitest'
import { apiTest as test } from './api-client.ts'

/** Names that an object of JavaScript has by itself, and names that look like syntax. */
const HOSTILE = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'length',
  'then',
  '0',
  '',
  'a.b',
  '$ref',
]

const name = fc.constantFrom(...HOSTILE)

/** Objects with own properties of these names, as JSON.parse makes them. */
const record = <T>(value: fc.Arbitrary<T>) =>
  fc.array(fc.tuple(name, value), { maxLength: 5 }).map(entries => Object.fromEntries(entries) as Record<string, T>)

const value = fc.constantFrom('', 'x', '__proto__', 'a=b')

const { json: nested } = fc.letrec<{ json: unknown }>(tie => ({
  json: fc.oneof({ depthSize: 'small' }, value, fc.integer(), record(tie('json'))),
}))

test('metadata named constructor, prototype or __proto__ is dropped without a word', async ({ ask }) => {
  const property = fc.asyncProperty(record(nested), record(value), async (metadata, tags) => {
    const put = await ask('PUT', '/object', { query: { key: 'k' }, body: { size: 1, storageBackend: 'local', metadata, tags } })
    expect(put.status, put.text).toBe(200)
    const object = (await ask('GET', '/object', { query: { key: 'k' } })).json as Record<string, unknown>
    expect([sorted(object.metadata), sorted(object.tags)]).toEqual([sorted(metadata), sorted(tags)])
    await ask('POST', '/audit', { body: { action: 'TEST', metadata } })
    const [entry] = (await ask('GET', '/audit', { query: { limit: '1', action: 'TEST' } })).items
    expect(sorted(entry?.metadata)).toEqual(sorted(metadata))
  })
  await fc.assert(property, { numRuns: 40 })
})

test('a list is filtered by metadata with such a name', async ({ ask }) => {
  const names = HOSTILE.filter(hostile => hostile !== '')
  for (const hostile of names) {
    const body = { size: 1, storageBackend: 'local', metadata: Object.fromEntries([[hostile, 'x']]) }
    await ask('PUT', '/object', { query: { key: `with ${hostile}` }, body })
  }
  for (const hostile of names) {
    const { items } = await ask('GET', '/objects', { query: { metadata: `${hostile}=x` } })
    expect(items.map(({ key }) => key)).toEqual([`with ${hostile}`])
  }
})

test.for(['constructor', 'prototype', '__proto__'])('a tag named %s is checked like any other', async (hostile, { ask }) => {
  const body = `{"size":1,"storageBackend":"local","tags":{"${hostile}":1}}`
  const { status, error } = await ask('PUT', '/object', { query: { key: 'k' }, body })
  expect([status, error.message]).toEqual([400, `tags.${hostile} must be text`])
})

test.for(['constructor', '__proto__', 'toString'])('a field and a parameter named %s are unknown', async (hostile, { ask }) => {
  const put = await ask('PUT', '/object', { query: { key: 'k' }, body: `{"size":1,"storageBackend":"local","${hostile}":{}}` })
  expect(put.error.message).toBe(`unknown field ${hostile}`)
  const list = await ask('GET', '/objects', { query: Object.fromEntries([[hostile, 'x']]) })
  expect(list.error.message).toBe(`unknown parameter ${hostile}`)
})

/** The JSON with the names in order: jsonb keeps none. */
function sorted(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json
  return Object.keys(json)
    .sort()
    .map(key => [key, sorted((json as Record<string, unknown>)[key])])
}
