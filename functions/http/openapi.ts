import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema'
import type { GenericSchema, LazySchema } from 'valibot'
import { type Route, routes } from '../../shared/api/routes.ts'

/** The route table as an OpenAPI 3.1 document. */
export function openApiDocument() {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [operationId, route] of Object.entries<Route>(routes)) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: { operationId, ...describe(route) } }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Storage Catalog', version: '1', description: 'Keys are query parameters, because paths mangle them.' },
    paths,
  }
}

function describe({ summary, query, body, status, returns, errors = [] }: Route) {
  const statuses = [400, ...errors, ...(body ? [413, 415] : []), 503]
  return {
    summary,
    parameters: Object.entries(query.entries).map(([name, schema]) => ({
      name,
      in: 'query',
      required: schema.type !== 'optional',
      schema: schemaOf(schema as GenericSchema),
    })),
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body) } } } }),
    responses: {
      [status]: { description: returns, ...(status !== 204 && json(true)) },
      ...Object.fromEntries(statuses.map(status => [status, { description: ERRORS[status], ...json(ERROR) }])),
      default: { description: 'Any other error, of the API or in front of it', ...json(ERROR) },
    },
  }
}

const ERRORS: Record<number, string> = {
  400: 'The request is malformed',
  404: 'It does not exist',
  409: 'The current state does not allow it',
  413: 'The body is too large',
  415: 'The body is not JSON',
  503: 'The database cannot be reached, or did not finish in time',
}

const ERROR = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'requestId'],
      properties: { code: { type: 'string' }, message: { type: 'string' }, requestId: { type: 'string' } },
    },
  },
}

function json(schema: unknown) {
  return { content: { 'application/json': { schema } } }
}

/** The schema of what callers send, without checks that JSON Schema cannot express. */
function schemaOf(schema: GenericSchema): JsonSchema {
  const {
    $schema: _,
    $defs: __,
    ...rest
  } = toJsonSchema(schema, { typeMode: 'input', errorMode: 'ignore', overrideSchema: inline, overrideAction: asDescribed })
  return rest
}

/** A schema that depends on its input is described as for an input that is not an array. Inline, because a reference would have no target in the document. */
function inline({ valibotSchema }: { valibotSchema: object }): JsonSchema | undefined {
  return isLazy(valibotSchema) ? schemaOf(valibotSchema.getter(undefined)) : undefined
}

/** Some schemas say themselves how they are described (`described` in shared/api/parameters.ts). */
function asDescribed({ valibotAction }: { valibotAction: object }): JsonSchema | undefined {
  if (!('type' in valibotAction) || valibotAction.type !== 'metadata' || !('metadata' in valibotAction)) return undefined
  const { jsonSchema } = valibotAction.metadata as { jsonSchema?: JsonSchema }
  return jsonSchema
}

function isLazy(schema: object): schema is LazySchema<GenericSchema> {
  return 'type' in schema && schema.type === 'lazy'
}
