import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway'

/** What API Gateway refuses by itself, as a code of the API. */
const ERRORS: [ResponseType, code: string][] = [
  [ResponseType.DEFAULT_4XX, 'BadRequest'],
  [ResponseType.DEFAULT_5XX, 'InternalError'],
  [ResponseType.BAD_REQUEST_PARAMETERS, 'InvalidParameter'],
  [ResponseType.BAD_REQUEST_BODY, 'InvalidParameter'],
  [ResponseType.REQUEST_TOO_LARGE, 'TooLarge'],
  [ResponseType.UNAUTHORIZED, 'Unauthorized'],
  [ResponseType.EXPIRED_TOKEN, 'Unauthorized'],
  [ResponseType.ACCESS_DENIED, 'Forbidden'],
  [ResponseType.INVALID_SIGNATURE, 'Forbidden'],
  // Also for paths that there are not.
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, 'Forbidden'],
  [ResponseType.WAF_FILTERED, 'Forbidden'],
  [ResponseType.THROTTLED, 'TooManyRequests'],
  [ResponseType.QUOTA_EXCEEDED, 'TooManyRequests'],
  [ResponseType.INTEGRATION_TIMEOUT, 'Timeout'],
]

/** Gives API Gateway's own answers the form of the function's: `{ error: { code, message, requestId } }`. */
export function errorAnswers(api: RestApi): void {
  for (const [type, code] of ERRORS) {
    api.addGatewayResponse(`Error${pascal(type.responseType)}`, {
      type,
      templates: {
        // `messageString` comes in quotes.
        'application/json': `{"error":{"code":"${code}","message":$context.error.messageString,"requestId":"$context.requestId"}}`,
      },
    })
  }
}

/** `DEFAULT_4XX` as `Default4xx`. */
function pascal(type: string): string {
  return type.toLowerCase().replaceAll(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())
}
