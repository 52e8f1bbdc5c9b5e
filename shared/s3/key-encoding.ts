import { Invalid } from '../errors.ts'

/**
 * Decodes a key of an S3 notification, of a listing with `encoding-type=url` or of an Inventory report: `+` is a space, the rest is
 * percent-encoded UTF-8. Throws URIError where it is not. Source: S3 user guide, "Event message structure".
 */
export function decodeKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '))
}

/** The same, but throws Invalid with what the key is of, and the key. */
export function decodeKeyOf(what: string, encoded: string): string {
  try {
    return decodeKey(encoded)
  } catch (cause) {
    throw new Invalid(`${what} ${encoded} is not form-encoded UTF-8`, { cause })
  }
}
