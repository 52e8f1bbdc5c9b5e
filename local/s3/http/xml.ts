import { XMLBuilder, XMLParser } from 'fast-xml-parser'
import { S3Error } from '../errors.ts'

/** The content of an XML document. Undefined elements are omitted; lists repeat their element. */
export type XmlValue = string | number | boolean | undefined | XmlValue[] | { [name: string]: XmlValue }

/** A parsed element: its children by name, or its text. */
export type XmlElement = { [name: string]: XmlElement | XmlElement[] | string }

/** Writes a document in S3's namespace. Control characters become references, as in S3, although XML 1.0 forbids some of them. */
export function toXml(root: string, content: XmlValue, namespace: string | undefined = s3Namespace): string {
  const attributes = namespace ? { '@_xmlns': namespace } : {}
  const element = typeof content === 'object' ? { ...attributes, ...content } : { ...attributes, '#text': content ?? '' }
  return builder.build({ '?xml': { '@_version': '1.0', '@_encoding': 'UTF-8' }, [root]: element })
}

/** Parses the document of a request and returns its root element, which must have the given name; else MalformedXML. */
export function fromXml(root: string, text: string): XmlElement {
  // Requests to S3 have no document type, and without one there are no entities to expand.
  if (text.includes('<!DOCTYPE')) throw new S3Error('MalformedXML')
  const document = parse(text)
  const element = document[root]
  if (element === undefined || Array.isArray(element)) throw new S3Error('MalformedXML')
  return typeof element === 'string' ? {} : element
}

/** Returns the element if all its children have one of these names; else MalformedXML, so that no element is accepted and then ignored. */
export function withOnly(element: XmlElement, names: readonly string[]): XmlElement {
  const other = Object.keys(element).find(name => name !== '#text' && !names.includes(name))
  if (other !== undefined) throw new S3Error('MalformedXML', { details: { Reason: `Unknown element ${other}` } })
  return element
}

/** The text of a child element, undefined if there is none. A child with child elements is MalformedXML. */
export function textOf(element: XmlElement, name: string): string | undefined {
  const child = element[name]
  if (child === undefined) return undefined
  if (typeof child !== 'string') throw new S3Error('MalformedXML')
  return child
}

/** The texts of all child elements with that name, trimmed. One with child elements is MalformedXML. */
export function textsOf(element: XmlElement, name: string): string[] {
  const children = element[name] === undefined ? [] : [element[name]].flat()
  return children.map(child => {
    if (typeof child !== 'string') throw new S3Error('MalformedXML')
    return child.trim()
  })
}

/** The child elements with that name. One with only text, or nothing, is returned without children. */
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

// Resolved here, because the parser drops references to control characters, which are legal in keys.
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

const meaning = new Map(Object.entries({ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }))

function resolveReferences(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(\w+));/g, (whole, hexadecimal, decimal, name) => {
    if (name) return meaning.get(name) ?? whole
    const codePoint = hexadecimal ? Number.parseInt(hexadecimal, 16) : Number(decimal)
    return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : whole
  })
}
