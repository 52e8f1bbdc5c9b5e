import { XMLBuilder, XMLParser } from 'fast-xml-parser'
import { S3Error } from '../errors.ts'

/** What an XML document is made of here; undefined elements are left out, lists repeat their element. */
export type XmlValue = string | number | boolean | undefined | XmlValue[] | { [name: string]: XmlValue }

/** A parsed element: its children by name, or its text. */
export type XmlElement = { [name: string]: XmlElement | XmlElement[] | string }

/** Writes one document in S3's namespace. Control characters become references, as S3 does, though XML 1.0 forbids some. */
export function toXml(root: string, content: XmlValue, namespace: string | undefined = s3Namespace): string {
  const attributes = namespace ? { '@_xmlns': namespace } : {}
  const element = typeof content === 'object' ? { ...attributes, ...content } : { ...attributes, '#text': content ?? '' }
  return builder.build({ '?xml': { '@_version': '1.0', '@_encoding': 'UTF-8' }, [root]: element })
}

/** Reads a request's document and returns its root element, whose name must be the one given; anything else is MalformedXML. */
export function fromXml(root: string, text: string): XmlElement {
  // A request of S3 has no document type; without one there are no entities to expand.
  if (text.includes('<!DOCTYPE')) throw new S3Error('MalformedXML')
  const document = parse(text)
  const element = document[root]
  if (element === undefined || Array.isArray(element)) throw new S3Error('MalformedXML')
  return typeof element === 'string' ? {} : element
}

/** The text of a child element, undefined if there is none; a child with children of its own is MalformedXML. */
export function textOf(element: XmlElement, name: string): string | undefined {
  const child = element[name]
  if (child === undefined) return undefined
  if (typeof child !== 'string') throw new S3Error('MalformedXML')
  return child
}

/** The child elements of that name; one that holds only text (or nothing) counts as an element without children. */
export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  const child = element[name]
  if (child === undefined) return []
  return (Array.isArray(child) ? child : [child]).map(one => (typeof one === 'string' ? {} : one))
}

const s3Namespace = 'http://s3.amazonaws.com/doc/2006-03-01/'

const builder = new XMLBuilder({
  ignoreAttributes: false,
  processEntities: false,
  suppressEmptyNode: true,
  tagValueProcessor: (_name, value) => escapeText(String(value)),
  attributeValueProcessor: (_name, value) => escapeText(String(value)),
})

// The parser's own entities drop references to control characters, which are legal in keys: so they are resolved here.
const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  tagValueProcessor: (_name, value) => resolveReferences(value),
})

function parse(text: string): XmlElement {
  try {
    return parser.parse(text, true)
  } catch (error) {
    throw new S3Error('MalformedXML', { details: { Reason: error instanceof Error ? error.message : String(error) } })
  }
}

function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are legal in keys.
  return text.replace(/[&<>"\u0000-\u001f\u007f-\u009f\u2028]/g, character => named[character] ?? `&#x${hex(character)};`)
}

const hex = (character: string) => character.charCodeAt(0).toString(16)

const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

const meaning: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function resolveReferences(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(\w+));/g, (whole, hexadecimal, decimal, name) => {
    if (name) return meaning[name] ?? whole
    const codePoint = hexadecimal ? Number.parseInt(hexadecimal, 16) : Number(decimal)
    return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : whole
  })
}
