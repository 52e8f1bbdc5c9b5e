/** The AWS account of everything on this machine: twelve zeros, as in LocalStack. */
export const ACCOUNT_ID = '000000000000'

/** The region of the queues, and of buckets whose creation names none. */
export const DEFAULT_REGION = 'us-east-1'
