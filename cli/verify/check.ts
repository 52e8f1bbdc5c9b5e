import type { Sql } from '../../shared/database/connection.ts'
import type { Bucket } from '../connect/bucket.ts'
import type { Target, TargetFlags } from '../connect/target.ts'
import { CliError } from '../terminal/cli-error.ts'
import type { Document } from '../walkthrough/document.ts'

/**
 * The installation that is checked, and the document that the checks write. `sql` is undefined where the database is unknown,
 * `graceSeconds` where bucket and catalog are not compared.
 */
export type CheckContext = {
  flags: TargetFlags
  target: Target
  bucket: Bucket
  document: Document
  sql?: Sql
  graceSeconds?: number
}

/** One check. `run` returns a few words, throws what is wrong, or throws CheckSkipped. `needs` are the checks that must have passed. */
export type Check = { name: string; needs?: string[]; run: (context: CheckContext) => Promise<string> }

/** Thrown when a check fails and there is more to say than a line: `details` are further lines. */
export class CheckFailed extends CliError {
  override name = 'CheckFailed'
  readonly details: string[]

  constructor(message: string, details: string[]) {
    super(message)
    this.details = details
  }
}

/** Thrown when a check can't be done here, which is not a failure. */
export class CheckSkipped extends Error {
  override name = 'CheckSkipped'
}
