import { isUtf8 } from 'node:buffer'
import type { MiddlewareObj } from '@middy/core'
import jsonBodyParser from '@middy/http-json-body-parser'
import type { APIGatewayProxyEvent } from 'aws-lambda'
import { HttpError } from './errors.ts'
import { matchRoute } from './match-route.ts'

/** The longest body, in bytes. */
const MAX_BYTES = 1024 ** 2

const parser = jsonBodyParser<APIGatewayProxyEvent>()

/** Middleware that replaces the text of a body by its JSON value, for operations with a body. Throws HttpError: 413, 415, or 400 when it is not JSON. */
export function jsonBody(): MiddlewareObj<APIGatewayProxyEvent> {
  return {
    before: async request => {
      const { event } = request
      if (!matchRoute(event).route.body) return
      const bytes = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8')
      if (bytes.length > MAX_BYTES) throw new HttpError(413, 'BodyTooLarge', `The body must be at most ${MAX_BYTES} bytes`)
      // API Gateway decodes gzip and deflate. What comes with another coding, or past another gateway, is not JSON here.
      const encoding = Object.entries(event.headers).find(([name]) => name.toLowerCase() === 'content-encoding')?.[1]
      const isEncoded = encoding !== undefined && encoding.toLowerCase() !== 'identity'
      if (!isUtf8(bytes)) throw isEncoded ? encoded(encoding) : new HttpError(400, 'MalformedBody', 'The body is not UTF-8')
      // HTTP/1.1 headers arrive as they were written, and the parser accepts two spellings.
      event.headers = Object.fromEntries(Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value]))
      try {
        await parser.before?.(request)
      } catch (error) {
        if (isMediaType(error)) throw unsupported(error)
        throw isEncoded ? encoded(encoding) : malformed(error)
      }
    },
  }
}

/** The parser throws 415 in both cases; only its message differs. */
function isMediaType(error: unknown): boolean {
  return error instanceof Error && error.message === 'Unsupported Media Type'
}

function unsupported(cause: unknown): HttpError {
  return new HttpError(415, 'UnsupportedMediaType', 'The body must be JSON, with content-type: application/json', { cause })
}

function encoded(encoding: string): HttpError {
  return new HttpError(415, 'UnsupportedMediaType', `The body is encoded (${encoding}): send it as it is, or with gzip`)
}

function malformed(error: unknown): HttpError {
  const cause = error instanceof Error ? error.cause : undefined
  const reason = typeof cause === 'object' && cause !== null && 'message' in cause ? `: ${cause.message}` : ''
  return new HttpError(400, 'MalformedBody', `The body is not JSON${reason}`, { cause: error })
}
