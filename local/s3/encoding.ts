import { decodeKey } from '../../shared/s3/key-encoding.ts'

/** Percent-encodes as signatures require it (RFC 3986): all but letters, digits and `-._~`. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, percentOf)
}

/** Encodes a key as S3 does in notifications and in listings with `encoding-type=url`: form encoding, but `/` is kept. */
export function formEncode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()~]/g, percentOf)
    .replaceAll('%20', '+')
    .replaceAll('%2F', '/')
}

/** Decodes `%XX` and `+` of a path or query; undefined if it is not UTF-8. S3 reads `+` as a space in both. */
export function formDecode(text: string): string | undefined {
  try {
    return decodeKey(text)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

/** Decodes RFC 2047 words in a header (S3 user guide, "User-defined object metadata"). */
export function decodeWords(value: string): string {
  return value.replace(
    /=\?([\w-]+)\?([bBqQ])\?([^?]*)\?=(?:\s+(?==\?))?/g,
    (whole, charset: string, kind: string, text: string) => {
      const bytes = kind.toUpperCase() === 'B' ? Buffer.from(text, 'base64') : quotedBytes(text)
      const encoding = charset.toLowerCase()
      if (encoding === 'utf-8') return bytes.toString('utf8')
      return encoding === 'iso-8859-1' || encoding === 'us-ascii' ? bytes.toString('latin1') : whole
    },
  )
}

/** Encodes a stored text for a header: unchanged if it is ASCII, else as one RFC 2047 word. */
export function encodeWord(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : `=?UTF-8?B?${Buffer.from(value).toString('base64')}?=`
}

/** HTTP's date of a time in milliseconds; whole seconds. */
export function httpDate(ms: number): string {
  return new Date(ms).toUTCString()
}

/** S3's date in XML; whole seconds, like its headers. */
export function xmlDate(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString()
}

const percentOf = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`

function quotedBytes(text: string): Buffer {
  const plain = text
    .replaceAll('_', ' ')
    .replace(/=([0-9a-fA-F]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
  return Buffer.from(plain, 'latin1')
}
