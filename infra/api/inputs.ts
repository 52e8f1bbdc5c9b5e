import { JsonSchemaType, JsonSchemaVersion, type Model, type RestApi } from 'aws-cdk-lib/aws-apigateway'
import type { Route } from '../../shared/api/routes.ts'

/** The query parameters that a route can't do without. What they may hold is the function's to say, and its errors say more. */
export function requiredParameters({ query }: Route): Record<string, boolean> {
  const required = Object.entries(query.entries).filter(([, schema]) => schema.type !== 'optional')
  return Object.fromEntries(required.map(([name]) => [`method.request.querystring.${name}`, true]))
}

/** A body that is JSON, and more than one value. Bodies are checked wholly by the function, which names what is wrong. */
export function jsonBody(api: RestApi): Model {
  return api.addModel('Body', {
    modelName: 'Body',
    contentType: 'application/json',
    schema: { schema: JsonSchemaVersion.DRAFT4, type: [JsonSchemaType.OBJECT, JsonSchemaType.ARRAY] },
  })
}
