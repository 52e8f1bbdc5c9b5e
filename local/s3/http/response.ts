import type { ServerResponse } from 'node:http'
import { httpDate } from '../encoding.ts'
import type { S3Error } from '../errors.ts'
import type { S3Request } from './request.ts'
import { toXml, type XmlValue } from './xml.ts'

/** The response of an operation. A streamed body needs its `Content-Length` among the headers. */
export type S3Response = {
  status: number
  headers?: Record<string, string | number | undefined>
  body?: string | AsyncGenerator<Buffer>
}

/** A response with an XML document. */
export function xmlResponse(root: string, content: XmlValue, headers: S3Response['headers'] = {}): S3Response {
  return { status: 200, headers: { 'Content-Type': 'application/xml', ...headers }, body: toXml(root, content) }
}

/** The error response of S3; without a body for HEAD and 304. */
export function errorResponse(error: S3Error, request: Pick<S3Request, 'method' | 'path' | 'actor'>): S3Response {
  const { requestId, hostId } = request.actor
  const content = {
    Code: error.code,
    Message: error.message,
    ...error.details,
    Resource: request.path,
    RequestId: requestId,
    HostId: hostId,
  }
  const headers = { 'Content-Type': 'application/xml', ...error.headers }
  if (error.status === 304) return { status: 304, headers: error.headers }
  if (request.method === 'HEAD') return { status: error.status, headers }
  return { status: error.status, headers, body: toXml('Error', content, '') }
}

/** Sends a response. With `cutAfter` it closes the connection after that share of the body (0 to 1), as a broken network would. */
export async function sendResponse(
  { status, headers = {}, body }: S3Response,
  request: Pick<S3Request, 'method' | 'actor'>,
  response: ServerResponse,
  cutAfter?: number,
): Promise<void> {
  response.statusCode = status
  response.setHeader('x-amz-request-id', request.actor.requestId)
  response.setHeader('x-amz-id-2', request.actor.hostId)
  response.setHeader('Date', httpDate(Date.now()))
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value)
  if (typeof body !== 'object') {
    if (request.method === 'HEAD' || status === 204 || status === 304) response.end()
    else if (cutAfter === undefined) response.setHeader('Content-Length', Buffer.byteLength(body ?? '')).end(body)
    else cutShort(response, Buffer.from(body ?? ''), cutAfter)
    return
  }
  let left = cutAfter === undefined ? Number.POSITIVE_INFINITY : Math.floor(Number(headers['Content-Length']) * cutAfter)
  // Leaving the loop early ends the generator, which closes the files that it reads.
  for await (const chunk of body) {
    if (response.destroyed) return
    if (chunk.length > left) return cutShort(response, chunk, left / chunk.length)
    left -= chunk.length
    if (!response.write(chunk)) await drained(response)
  }
  response.end()
}

function cutShort(response: ServerResponse, bytes: Buffer, share: number): void {
  if (!response.hasHeader('Content-Length')) response.setHeader('Content-Length', bytes.length)
  response.write(bytes.subarray(0, Math.floor(bytes.length * share)), () => response.destroy())
}

async function drained(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  response.once('drain', resolve).once('close', resolve)
  await promise
  response.off('drain', resolve).off('close', resolve)
}
