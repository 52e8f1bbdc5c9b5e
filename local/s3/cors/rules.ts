import { S3Error } from '../errors.ts'
import { childrenOf, fromXml, textOf, textsOf, withOnly, type XmlElement, type XmlValue } from '../http/xml.ts'
import type { CorsRule } from '../store/bucket-settings.ts'

/** Reads the document of PutBucketCors. Throws MalformedXML, and InvalidRequest for what the S3 user guide does not allow ("CORS configuration"). */
export function readCorsRules(document: string): CorsRule[] {
  const rules = childrenOf(withOnly(fromXml('CORSConfiguration', document), ['CORSRule']), 'CORSRule').map(readRule)
  if (rules.length === 0 || rules.length > 100) throw new S3Error('MalformedXML')
  return rules
}

/** The rules as GetBucketCors returns them. */
export function corsDocument(rules: CorsRule[]): XmlValue {
  return {
    CORSRule: rules.map(rule => ({
      ID: rule.id,
      AllowedHeader: rule.headers,
      AllowedMethod: rule.methods,
      AllowedOrigin: rule.origins,
      ExposeHeader: rule.exposed,
      MaxAgeSeconds: rule.maxAgeSeconds,
    })),
  }
}

/** The first rule that admits the origin, the method, and all of the headers. */
export function findCorsRule(
  rules: CorsRule[],
  { origin, method, headers = [] }: { origin: string; method: string; headers?: string[] },
): CorsRule | undefined {
  return rules.find(
    rule =>
      rule.methods.includes(method) &&
      rule.origins.some(pattern => isLike(pattern, origin)) &&
      headers.every(header => rule.headers.some(pattern => isLike(pattern.toLowerCase(), header))),
  )
}

/** The headers of a response to a request that a rule admits. */
export function corsHeaders(rule: CorsRule, origin: string, headers: string[] = []): Record<string, string | number | undefined> {
  const isPublic = rule.origins.some(pattern => pattern === '*')
  return {
    'Access-Control-Allow-Origin': isPublic ? '*' : origin,
    'Access-Control-Allow-Credentials': isPublic ? undefined : 'true',
    'Access-Control-Allow-Methods': rule.methods.join(', '),
    'Access-Control-Allow-Headers': headers.join(', ') || undefined,
    'Access-Control-Expose-Headers': rule.exposed.join(', ') || undefined,
    'Access-Control-Max-Age': rule.maxAgeSeconds,
    Vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  }
}

const RULE_ELEMENTS = ['ID', 'AllowedOrigin', 'AllowedMethod', 'AllowedHeader', 'ExposeHeader', 'MaxAgeSeconds']

function readRule(element: XmlElement): CorsRule {
  withOnly(element, RULE_ELEMENTS)
  const [id, maxAge] = [textOf(element, 'ID'), textOf(element, 'MaxAgeSeconds')]
  const [origins, methods] = [textsOf(element, 'AllowedOrigin'), textsOf(element, 'AllowedMethod')]
  if (origins.length === 0 || methods.length === 0 || (id?.length ?? 0) > 255) throw new S3Error('MalformedXML')
  if (maxAge !== undefined && !/^\d{1,10}$/.test(maxAge)) throw new S3Error('MalformedXML')
  const unsupported = methods.find(method => !['GET', 'PUT', 'HEAD', 'POST', 'DELETE'].includes(method))
  if (unsupported !== undefined) {
    const message = `Found unsupported HTTP method in CORS config. Unsupported method is ${unsupported}`
    throw new S3Error('InvalidRequest', { message })
  }
  const headers = textsOf(element, 'AllowedHeader')
  for (const [name, patterns] of Object.entries({ AllowedOrigin: origins, AllowedHeader: headers })) {
    const wide = patterns.find(pattern => pattern.split('*').length > 2)
    if (wide !== undefined)
      throw new S3Error('InvalidRequest', { message: `${name} "${wide}" can not have more than one wildcard.` })
  }
  return {
    ...(id === undefined ? {} : { id }),
    origins,
    methods,
    headers,
    exposed: textsOf(element, 'ExposeHeader'),
    ...(maxAge === undefined ? {} : { maxAgeSeconds: Number(maxAge) }),
  }
}

function isLike(pattern: string, text: string): boolean {
  const [start = '', end] = pattern.split('*')
  if (end === undefined) return pattern === text
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end)
}
