import { Validations } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

/** Says why findings of cdk-nag about a construct, and all below it, are no faults: rule by reason. */
export function acknowledge(construct: IConstruct, reasons: Record<string, string>): void {
  for (const [id, reason] of Object.entries(reasons)) Validations.of(construct).acknowledge({ id, reason })
}
