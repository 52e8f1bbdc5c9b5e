import type { Sql } from '../database/connection.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { toStoredValues } from '../database/stored-text.ts'

/**
 * For each pair of a filter the documents of which metadata must contain one. A text that reads as a number, a boolean or null matches that as
 * well: callers of the API can only send texts, and `n=5` asks for 5 as much as for "5".
 */
export function documentsOf(filter: Record<string, unknown>): Record<string, unknown>[][] {
  return Object.entries(filter).map(([name, value]) => valuesOf(value).map(one => toStoredValues({ [name]: one })))
}

/** The condition that the metadata of storage_objects as `o` fulfil a filter, with a leading `and`. */
export function matchesMetadata(sql: Sql, filter: Record<string, unknown> = {}) {
  return documentsOf(filter).reduce((conditions, documents) => {
    const contained = documents.map(document => sql`o.metadata @> ${jsonParameter(sql, document)}`)
    return sql`${conditions} and (${contained.reduce((left, right) => sql`${left} or ${right}`)})`
  }, sql``)
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

function valuesOf(value: unknown): unknown[] {
  if (typeof value !== 'string') return [value]
  if (value === 'true' || value === 'false' || value === 'null') return [value, JSON.parse(value)]
  return NUMBER.test(value) && Number.isFinite(Number(value)) ? [value, Number(value)] : [value]
}
