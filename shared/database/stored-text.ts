/**
 * A key as Postgres can hold it. S3 allows U+0000 in a key and Postgres in no text, so U+0000 becomes U+0001 U+0001 and
 * U+0001 becomes U+0001 U+0002: reversible, and the order by bytes stays. Prefixes translate the same way.
 */
export function toStoredKey(key: string): string {
  return key.replaceAll('\x01', '\x01\x02').replaceAll('\0', '\x01\x01')
}

/** Returns the key that `toStoredKey` was given. */
export function fromStoredKey(stored: string): string {
  return stored.replaceAll('\x01\x01', '\0').replaceAll('\x01\x02', '\x01')
}

/** Text that identifies nothing (metadata, tags, names) as Postgres can hold it: U+0000 becomes the visible U+2400, a lone surrogate U+FFFD. */
export function toStoredText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\u2400')
}

/** The same; null and undefined stay what they are. */
export function toStoredTextOrNull<T extends null | undefined>(text: string | T): string | T {
  return typeof text === 'string' ? toStoredText(text) : text
}

/** The same for every text and name of a document, at any depth. */
export function toStoredValues(document: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(document).map(([name, value]) => [toStoredText(name), toStoredValue(value)]))
}

/** The same for each value and name of a record of texts. */
export function toStoredRecord(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [toStoredText(name), toStoredText(value)]))
}

function toStoredValue(value: unknown): unknown {
  if (typeof value === 'string') return toStoredText(value)
  if (Array.isArray(value)) return value.map(toStoredValue)
  // A Date and the like convert themselves to JSON.
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value
  return toStoredValues({ ...value })
}
