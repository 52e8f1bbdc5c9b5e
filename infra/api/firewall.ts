import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import { CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2'
import type { Construct } from 'constructs'
import { prefixOf } from '../names.ts'
import type { Stage } from '../stages.ts'

/** Requests from one address in five minutes. */
const PER_ADDRESS = 10_000

/**
 * Blocks addresses with a bad reputation, known exploits and floods. AWS's common and SQL rules are left out: a valid key may contain `../`,
 * `<script>` or `select`, and may be longer than they allow.
 */
export function firewall(scope: Construct, stage: Stage, api: RestApi): void {
  const acl = new CfnWebACL(scope, 'Firewall', {
    name: prefixOf(stage),
    scope: 'REGIONAL',
    defaultAction: { allow: {} },
    visibilityConfig: visibility('Firewall'),
    rules: [
      managed('AWSManagedRulesAmazonIpReputationList', 0),
      managed('AWSManagedRulesKnownBadInputsRuleSet', 1),
      {
        name: 'Flood',
        priority: 2,
        action: { block: {} },
        statement: { rateBasedStatement: { limit: PER_ADDRESS, aggregateKeyType: 'IP' } },
        visibilityConfig: visibility('Flood'),
      },
    ],
  })
  new CfnWebACLAssociation(scope, 'FirewallOfApi', { webAclArn: acl.attrArn, resourceArn: api.deploymentStage.stageArn })
}

function managed(name: string, priority: number): CfnWebACL.RuleProperty {
  return {
    name,
    priority,
    overrideAction: { none: {} },
    statement: { managedRuleGroupStatement: { vendorName: 'AWS', name } },
    visibilityConfig: visibility(name),
  }
}

function visibility(metricName: string): CfnWebACL.VisibilityConfigProperty {
  return { metricName, cloudWatchMetricsEnabled: true, sampledRequestsEnabled: true }
}
