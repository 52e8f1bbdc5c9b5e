import { ACCOUNT_ID, DEFAULT_REGION } from '../aws-account.ts'

/** The ARN of a queue on this machine. */
export function queueArn(name: string): string {
  return `arn:aws:sqs:${DEFAULT_REGION}:${ACCOUNT_ID}:${name}`
}

/** The URL of a queue at an endpoint. */
export function queueUrl(endpoint: string, { name }: { name: string }): string {
  return `${endpoint}/${ACCOUNT_ID}/${name}`
}
