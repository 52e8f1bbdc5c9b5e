import { S3ServiceException } from '@aws-sdk/client-s3'

/** Requests to S3 that one batch or chunk has under way at once. */
export const S3_CONCURRENCY = 32

/** Whether S3 refuses the request itself (400), for example because the version id is malformed: it will never succeed. */
export function isBadRequest(error: unknown): error is S3ServiceException {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 400
}

/** Whether the bucket does not exist. Only responses with a body say so: a HEAD does not. */
export function isNoSuchBucket(error: unknown): boolean {
  return error instanceof S3ServiceException && error.name === 'NoSuchBucket'
}
