import type { EventAudit } from '../catalog/observations.ts'
import type { ObjectEvent } from './object-event.ts'

/** The audit entry of an event. */
export function toAuditEntry(event: ObjectEvent): EventAudit {
  const { bucket, key, versionId, occurredAt, principalId, sourceIp, eventId, name, requestId, size } = event
  return {
    bucket,
    key,
    versionId,
    occurredAt,
    userId: principalId,
    ipAddress: sourceIp,
    eventId,
    action: actionOf(name),
    metadata: { event: name, requestId, size },
  }
}

function actionOf(name: string): string {
  if (name === 'ObjectCreated:Copy') return 'COPY'
  const [family = ''] = name.split(':')
  return ACTIONS[family] ?? 'OTHER'
}

const ACTIONS: Record<string, string> = {
  ObjectCreated: 'UPLOAD',
  ObjectRemoved: 'DELETE',
  LifecycleExpiration: 'EXPIRE',
  LifecycleTransition: 'TRANSITION',
  IntelligentTiering: 'TRANSITION',
  ObjectTagging: 'TAG',
  ObjectRestore: 'RESTORE',
  ObjectAcl: 'ACL',
}
