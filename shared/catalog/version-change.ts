import type { StoredVersion } from './versions.ts'

/** Values of fields by name. */
type Fields = Record<string, unknown>

/** The fields that a caller can change. */
const FIELDS = [
  'size',
  'etag',
  'contentType',
  'storageBackend',
  'storageClass',
  'metadata',
  'tags',
  'createdBy',
  'claimedBy',
  'comment',
  'isLatest',
  'isDeleteMarker',
] as const satisfies (keyof StoredVersion)[]

/** The longest value of one field, in characters of its JSON. */
const MAX_LENGTH = 1000

/** What a write changed in a version, for the audit trail: the fields that differ, with their values before and after. `before` is null for a new version. */
export function changeOf(before: StoredVersion | undefined, after: StoredVersion): { before: Fields | null; after: Fields } {
  const isChanged = (field: (typeof FIELDS)[number]) =>
    before ? JSON.stringify(before[field]) !== JSON.stringify(after[field]) : after[field] !== null
  const changed = FIELDS.filter(isChanged)
  return { before: before ? pick(before, changed) : null, after: pick(after, changed) }
}

function pick(version: StoredVersion, fields: (keyof StoredVersion)[]): Fields {
  return Object.fromEntries(fields.map(field => [field, shortened(version[field])]))
}

/** A long value becomes the beginning of its JSON, and its length. */
function shortened(value: unknown): unknown {
  const json = JSON.stringify(value)
  return json.length <= MAX_LENGTH ? value : `${json.slice(0, MAX_LENGTH).toWellFormed()}… (${json.length} characters)`
}
