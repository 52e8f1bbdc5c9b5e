import { JsonSchemaType, JsonSchemaVersion, type Model, type RestApi } from 'aws-cdk-lib/aws-apigateway'
import type { Route } from '../../shared/api/routes.ts'

/** The required query parameters of a route. Their values are checked by the function, whose errors say more. */
export function requiredParameters({ query }: Route): Record<string, boolean> {
  const required = Object.entries(query.entries).filter(([, schema]) => schema.type !== 'optional')
  return Object.fromEntries(required.map(([name]) => [`method.request.querystring.${name}`, true]))
}

/** A body that is a JSON object or array. Its fields are checked by the function, whose errors name what is wrong. */
export function jsonBody(api: RestApi): Model {
  return api.addModel('Body', {
    modelName: 'Body',
    contentType: 'application/json',
    schema: { schema: JsonSchemaVersion.DRAFT4, type: [JsonSchemaType.OBJECT, JsonSchemaType.ARRAY] },
  })
}
