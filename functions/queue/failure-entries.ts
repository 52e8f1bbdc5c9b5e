import { S3ServiceException } from '@aws-sdk/client-s3'
import type { SQSRecord } from 'aws-lambda'
import { Invalid } from '../../shared/errors.ts'
import type { KeyName } from '../../shared/names.ts'

/** A record that is not indexed yet: its message, the key that it names if it can be read, and the reason. */
export type Failure = { message: SQSRecord; key?: KeyName; error: unknown }

/** What is logged of one reason: how many records it is about, and one of them as an example. */
export type FailureEntry = {
  level: 'error'
  message: 'not indexed yet'
  error: string
  records: number
  example: { messageId: string; receives: string; bucket?: string; key?: string }
  stack?: string
}

/** One entry for each distinct reason, however many records have it. Only an error that nobody expects has a stack. */
export function failureEntries(failures: Failure[]): FailureEntry[] {
  const reasons = Map.groupBy(failures, ({ error }) => reasonOf(error))
  return [...reasons.values()].map(group => {
    const [{ message, key, error }] = group as [Failure]
    return {
      level: 'error',
      message: 'not indexed yet',
      error: String(error),
      records: group.length,
      example: {
        messageId: message.messageId,
        receives: message.attributes.ApproximateReceiveCount,
        bucket: key?.bucket,
        key: key?.key,
      },
      stack: error instanceof Error && !isExpected(error) ? error.stack : undefined,
    }
  })
}

/** Messages of S3 may name the key, so its errors are the same reason when their codes are. */
function reasonOf(error: unknown): string {
  return error instanceof S3ServiceException ? `${error.name} ${error.$metadata.httpStatusCode}` : String(error)
}

/** What S3 returns, and what is wrong with a record. */
function isExpected(error: Error): boolean {
  return error instanceof S3ServiceException || error instanceof Invalid
}
