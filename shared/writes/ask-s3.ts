import { S3ServiceException } from '@aws-sdk/client-s3'
import { Conflict, Invalid, NotFound } from '../errors.ts'

/** What S3's refusals are to the caller, by status. Any other error is not theirs. */
const REFUSALS: Record<number, typeof Invalid | typeof NotFound | typeof Conflict> = {
  400: Invalid,
  403: Conflict,
  404: NotFound,
  405: Conflict,
  409: Conflict,
  412: Conflict,
}

/** Waits for S3's response to a write. Throws Invalid, NotFound or Conflict with S3's reason where S3 refuses it. */
export async function askS3<T>(response: Promise<T>): Promise<T> {
  try {
    return await response
  } catch (error) {
    const Refusal = error instanceof S3ServiceException ? REFUSALS[error.$metadata.httpStatusCode ?? 0] : undefined
    if (!Refusal || !(error instanceof Error)) throw error
    throw new Refusal(`S3 refuses it: ${error.name}: ${error.message}`, { cause: error })
  }
}
