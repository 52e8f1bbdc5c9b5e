import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway'

/** Codes for the errors that API Gateway returns by itself. */
const ERRORS: [ResponseType, code: string][] = [
  [ResponseType.DEFAULT_4XX, 'BadRequest'],
  [ResponseType.DEFAULT_5XX, 'InternalError'],
  [ResponseType.BAD_REQUEST_PARAMETERS, 'InvalidParameter'],
  [ResponseType.BAD_REQUEST_BODY, 'InvalidParameter'],
  [ResponseType.REQUEST_TOO_LARGE, 'TooLarge'],
  [ResponseType.UNSUPPORTED_MEDIA_TYPE, 'UnsupportedMediaType'],
  [ResponseType.UNAUTHORIZED, 'Unauthorized'],
  [ResponseType.EXPIRED_TOKEN, 'Unauthorized'],
  [ResponseType.ACCESS_DENIED, 'Forbidden'],
  [ResponseType.INVALID_SIGNATURE, 'Forbidden'],
  // Also for unknown paths.
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, 'Forbidden'],
  [ResponseType.WAF_FILTERED, 'Forbidden'],
  [ResponseType.THROTTLED, 'TooManyRequests'],
  [ResponseType.QUOTA_EXCEEDED, 'TooManyRequests'],
  [ResponseType.INTEGRATION_TIMEOUT, 'Timeout'],
]

/** Gives API Gateway's own errors the form of the function's: `{ error: { code, message, requestId } }`. */
export function errorResponses(api: RestApi): void {
  for (const [type, code] of ERRORS) {
    api.addGatewayResponse(`Error${pascal(type.responseType)}`, {
      type,
      templates: {
        // `messageString` is quoted already.
        'application/json': `{"error":{"code":"${code}","message":$context.error.messageString,"requestId":"$context.requestId"}}`,
      },
    })
  }
}

/** `DEFAULT_4XX` as `Default4xx`. */
function pascal(type: string): string {
  return type.toLowerCase().replaceAll(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())
}
