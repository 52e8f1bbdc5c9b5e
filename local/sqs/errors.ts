/** An error of SQS. The query code is its name in the older query protocol. */
export class SqsError extends Error {
  readonly code: string
  readonly status: number
  readonly queryCode: string

  constructor(code: string, message: string, status = 400, queryCode = code) {
    super(message)
    this.code = code
    this.status = status
    this.queryCode = queryCode
  }
}
