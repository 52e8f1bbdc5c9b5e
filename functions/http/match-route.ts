import type { APIGatewayProxyEvent } from 'aws-lambda'
import { type OperationId, type Route, routes } from '../../shared/api/routes.ts'
import { HttpError } from './errors.ts'

/** The operation that a request asks for. Throws HttpError: 404 for an unknown path, 405 with Allow for another method. */
export function matchRoute(event: Pick<APIGatewayProxyEvent, 'httpMethod' | 'path' | 'resource'>): {
  id: OperationId
  route: Route
} {
  // Behind a base path of a custom domain only the resource is the path of the table; behind a {proxy+} only the path is.
  const path = event.resource.includes('{') ? event.path : event.resource
  const there = byPath.get(path)
  if (!there) throw new HttpError(404, 'NotFound', `There is nothing at ${path}`)
  const found = there.find(({ route }) => route.method === event.httpMethod)
  if (found) return found
  const allow = there.map(({ route }) => route.method).join(', ')
  throw new HttpError(405, 'MethodNotAllowed', `${path} takes ${allow}`, { headers: { allow } })
}

const all = Object.entries(routes).map(([id, route]) => ({ id: id as OperationId, route: route as Route }))

const byPath = Map.groupBy(all, ({ route }) => route.path)
