import type { APIGatewayProxyEvent } from 'aws-lambda'
import { type BaseIssue, type GenericSchema, getDotPath, safeParse } from 'valibot'
import type { Route } from '../../shared/api/routes.ts'
import { Invalid } from '../../shared/errors.ts'

/** The query parameters, checked by the schema of their operation. Throws Invalid, naming the parameter, for one that is unknown, missing, repeated or out of range. */
export function readQuery(event: APIGatewayProxyEvent, { query }: Route): unknown {
  const given = Object.entries(event.multiValueQueryStringParameters ?? {}).map(([name, values = []]) => {
    if (REPEATED.has(name)) return [name, values]
    if (values.length > 1) throw new Invalid(`${name} is given more than once`)
    return [name, values[0]]
  })
  return parse(query, Object.fromEntries(given), 'parameter')
}

/** The body, checked by the schema of its operation; undefined for an operation without one. Throws Invalid, naming the field. */
export function readBody(event: APIGatewayProxyEvent, { body }: Route): unknown {
  return body && parse(body, event.body, 'field')
}

/** Parameters that may be given more than once. */
const REPEATED: ReadonlySet<string> = new Set(['metadata'])

function parse(schema: GenericSchema, input: unknown, what: string): unknown {
  const result = safeParse(schema, input)
  if (result.success) return result.output
  throw new Invalid(explain(result.issues[0], what))
}

function explain(issue: BaseIssue<unknown>, what: string): string {
  const path = getDotPath(issue) ?? ''
  if (issue.type === 'strict_object' && issue.expected === 'never') return `unknown ${what} ${path}`
  if (issue.type === 'strict_object' && issue.received === 'undefined') return `${path} is required`
  return `${path || 'The body'} ${issue.message}`
}
