import type { Change } from '../store/change.ts'

/** Whether the event says that a version or delete marker was removed, or a delete marker added. */
export const isRemoval = ({ event }: Change) => /^(ObjectRemoved|LifecycleExpiration)/.test(event)

/** Whether AWS sends the size with this event. */
export const hasSize = ({ event }: Change) => /^(ObjectCreated|ObjectRestore:(Post|Completed)|LifecycleTransition)/.test(event)

/** Whether AWS sends the version id with this event: not for the `null` version of a bucket without enabled versioning. */
export const hasVersionId = ({ versionId, bucket }: Change) => versionId !== 'null' || bucket.versioning === 'Enabled'

/** An object with one field, or without it when the value is undefined. */
export const optional = (name: string, value: string | undefined) => (value === undefined ? {} : { [name]: value })
