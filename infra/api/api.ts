import { Size } from 'aws-cdk-lib'
import {
  AccessLogFormat,
  AuthorizationType,
  CognitoUserPoolsAuthorizer,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  MethodLoggingLevel,
  type MethodOptions,
  RestApi,
} from 'aws-cdk-lib/aws-apigateway'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { type Route, routes } from '../../shared/api/routes.ts'
import { MIN_COMPRESSED_BYTES } from '../../shared/limits.ts'
import { acknowledge } from '../acknowledge.ts'
import type { People } from '../data/user-pool.ts'
import { logGroup } from '../functions/log-group.ts'
import { prefixOf } from '../names.ts'
import type { Stage } from '../stages.ts'
import { errorResponses } from './errors.ts'
import { jsonBody, requiredParameters } from './inputs.ts'

/** REST API with a method for each route of the table, all integrated with one function. Callers sign with IAM, or are users of a user pool. */
export function api(scope: Construct, stage: Stage, lambda: Lambda, people?: People): RestApi {
  const rest = new RestApi(scope, 'Rest', {
    restApiName: prefixOf(stage),
    description: `Storage Catalog (${stage.name})`,
    endpointTypes: [EndpointType.REGIONAL],
    // API Gateway compresses for clients that accept it, and decodes compressed requests; the function sees neither.
    minCompressionSize: Size.bytes(MIN_COMPRESSED_BYTES),
    // Without a role in the account's settings API Gateway writes no logs. The account keeps it when the stack is deleted.
    cloudWatchRole: true,
    deployOptions: {
      stageName: 'v1',
      throttlingRateLimit: stage.api.rate,
      throttlingBurstLimit: stage.api.burst,
      tracingEnabled: true,
      metricsEnabled: true,
      loggingLevel: MethodLoggingLevel.ERROR,
      // Bodies and queries contain file names.
      dataTraceEnabled: false,
      accessLogDestination: new LogGroupLogDestination(logGroup(scope, 'AccessLogs', stage, `/${prefixOf(stage)}/api`)),
      accessLogFormat: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
    },
  })
  // CDK's own output of the address; `outputs.ts` has one under a fixed name.
  rest.node.tryRemoveChild('Endpoint')
  errorResponses(rest)
  const integration = new LambdaIntegration(lambda, { scopePermissionToMethod: false })
  const validator = rest.addRequestValidator('Validator', { validateRequestParameters: true, validateRequestBody: true })
  const body = jsonBody(rest)
  const authorization = authorizationOf(scope, people)
  for (const route of Object.values<Route>(routes)) {
    rest.root.resourceForPath(route.path).addMethod(route.method, integration, {
      ...authorization,
      requestValidator: validator,
      requestParameters: requiredParameters(route),
      ...(route.body && { requestModels: { 'application/json': body } }),
    })
  }
  acknowledge(rest, {
    'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]':
      "API Gateway takes one role for all APIs of an account and region; less than AWS's own policy for it would break the logs of others.",
    ...(people
      ? {}
      : {
          'AwsSolutions-COG4':
            'Callers are AWS principals that sign each request with IAM; with `-c auth=cognito` they are users of a user pool.',
        }),
    ...(stage.api.hasFirewall
      ? {}
      : {
          'AwsSolutions-APIG3':
            'A web ACL would be a large part of the costs of this stage, which is for trying; requests are signed and throttled.',
        }),
  })
  return rest
}

/** IAM unless there is a user pool. */
function authorizationOf(scope: Construct, people: People | undefined): MethodOptions {
  if (!people) return { authorizationType: AuthorizationType.IAM }
  const authorizer = new CognitoUserPoolsAuthorizer(scope, 'PeopleOnly', { cognitoUserPools: [people.pool] })
  return { authorizationType: AuthorizationType.COGNITO, authorizer }
}

/** One JSON object for each request, rejected ones included. */
const ACCESS_LOG = {
  requestId: '$context.requestId',
  time: '$context.requestTime',
  method: '$context.httpMethod',
  path: '$context.resourcePath',
  status: '$context.status',
  bytes: '$context.responseLength',
  milliseconds: '$context.responseLatency',
  functionMilliseconds: '$context.integrationLatency',
  sourceIp: '$context.identity.sourceIp',
  caller: '$context.identity.userArn',
  person: '$context.authorizer.claims.sub',
  error: '$context.error.message',
  trace: '$context.xrayTraceId',
}
