import type { APIGatewayEventRequestContext } from 'aws-lambda'

/** Who sent a request, from which address and with which program: columns of the audit trail. */
export type Caller = { userId: string | null; userName: string | null; ipAddress: string | null; userAgent: string | null }

/** The caller as API Gateway identifies them: by the claims of Cognito, by the ARN of a request signed with IAM, or by a user name. */
export function readCaller({ identity, authorizer }: APIGatewayEventRequestContext): Caller {
  const { sourceIp, userAgent, userArn, user } = identity
  const claims: Record<string, unknown> = authorizer?.claims ?? {}
  const userId = text(claims.sub) ?? userArn ?? text(authorizer?.principalId) ?? user
  const userName = text(claims['cognito:username']) ?? text(claims.email) ?? userId?.split('/').at(-1)
  return { userId: userId ?? null, userName: userName ?? null, ipAddress: sourceIp || null, userAgent: userAgent ?? null }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
