import type { APIGatewayProxyEvent } from 'aws-lambda'
import { type OperationId, type Route, routes } from '../../shared/api/routes.ts'
import { HttpError } from './errors.ts'

/** The operation that a request asks for. Throws HttpError: 404 for an unknown path, 405 with Allow for another method. */
export function matchRoute(event: Pick<APIGatewayProxyEvent, 'httpMethod' | 'path' | 'resource'>): {
  id: OperationId
  route: Route
} {
  // With a base path of a custom domain only `resource` is a path of the table; with a {proxy+} resource only `path` is.
  const path = event.resource.includes('{') ? event.path : event.resource
  const atPath = byPath.get(path)
  if (!atPath) throw new HttpError(404, 'NotFound', `No operation has the path ${path}`)
  const found = atPath.find(({ route }) => route.method === event.httpMethod)
  if (found) return found
  const allow = atPath.map(({ route }) => route.method).join(', ')
  throw new HttpError(405, 'MethodNotAllowed', `${path} allows ${allow}`, { headers: { allow } })
}

const all = Object.entries(routes).map(([id, route]) => ({ id: id as OperationId, route: route as Route }))

const byPath = Map.groupBy(all, ({ route }) => route.path)
