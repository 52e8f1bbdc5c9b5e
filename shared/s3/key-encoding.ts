/**
 * Decodes a key of an S3 notification, of a listing with `encoding-type=url` or of an Inventory report: `+` is a space, the rest is
 * percent-encoded UTF-8. Throws URIError where it is not. Source: S3 user guide, "Event message structure".
 */
export function decodeKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '))
}
