import middy from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import type { OperationId } from '../../shared/api/routes.ts'
import { readCaller } from './caller.ts'
import { errorResponses } from './errors.ts'
import { jsonBody } from './json-body.ts'
import { jsonResponse } from './json-response.ts'
import { matchRoute } from './match-route.ts'
import type { ApiDependencies, Operation } from './operation.ts'
import * as audit from './operations/audit.ts'
import * as catalog from './operations/catalog.ts'
import * as hooks from './operations/hooks.ts'
import * as objects from './operations/objects.ts'
import * as reconciles from './operations/reconciles.ts'
import * as transfers from './operations/transfers.ts'
import * as versions from './operations/versions.ts'
import { readBody, readQuery } from './read-input.ts'

/** The API: takes API Gateway's REST proxy event (payload 1.0) and returns its response. */
export function apiHandler(dependencies: ApiDependencies) {
  return middy<APIGatewayProxyEvent, APIGatewayProxyResult>()
    .use(errorResponses())
    .use(jsonBody())
    .handler(async event => {
      const { id, route } = matchRoute(event)
      const input = { query: readQuery(event, route), body: readBody(event, route), caller: readCaller(event.requestContext) }
      const { body, status = route.status, headers } = await operationOf(id)(dependencies, input)
      return jsonResponse(status, body, headers)
    })
}

/** Every operation of the route table has its function here, or this does not compile. */
const operations: { [Id in OperationId]: Operation<Id> } = {
  ...audit,
  ...catalog,
  ...hooks,
  ...objects,
  ...reconciles,
  ...transfers,
  ...versions,
}

/** The schemas of the route table ensure that an input has the type of its operation; the compiler cannot see that. */
function operationOf(id: OperationId): (dependencies: ApiDependencies, input: unknown) => ReturnType<Operation<OperationId>> {
  return operations[id] as (dependencies: ApiDependencies, input: unknown) => ReturnType<Operation<OperationId>>
}
