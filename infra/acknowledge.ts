import { Validations } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

/** Acknowledges findings of cdk-nag about a construct and its children, with a reason for each rule. */
export function acknowledge(construct: IConstruct, reasons: Record<string, string>): void {
  for (const [id, reason] of Object.entries(reasons)) Validations.of(construct).acknowledge({ id, reason })
}
