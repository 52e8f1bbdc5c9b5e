import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  RestoreObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import type { EventBody } from '../../../../local/s3/events/event-body.ts'
import { expireCurrent, expireVersion, transition } from '../../../../local/s3/store/lifecycle.ts'
import { advanceRestores, completeRestore, expireRestore } from '../../../../local/s3/store/restores.ts'
import { failure, history, s3Test, startEndpoint } from '../endpoint.ts'

const put = async (s3: { client: S3Client }, Bucket: string, more = {}) =>
  (await s3.client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'hello', ...more }))).VersionId ?? 'null'

describe('lifecycle', () => {
  s3Test(
    'expires the current version with a delete marker, in place of the null version where versioning is suspended',
    async ({ s3 }) => {
      const { store } = s3.server
      const one = await put(s3, 'versioned')
      await put(s3, 'suspended')
      await put(s3, 'plain')
      for (const bucket of ['versioned', 'suspended', 'plain']) expireCurrent(store, bucket, 'k')
      expect(await history(s3.client, 'versioned')).toEqual(expect.arrayContaining([`k ${one} version`]))
      expect((await history(s3.client, 'versioned')).filter(line => line.endsWith('marker latest'))).toHaveLength(1)
      expect(await history(s3.client, 'suspended')).toEqual(['k null marker latest'])
      expect(await history(s3.client, 'plain')).toEqual([])
      const expired = s3.events().filter(event => event.eventName.startsWith('Lifecycle'))
      expect(expired.map(event => [event.s3.bucket.name, event.eventName, event.eventVersion])).toEqual([
        ['versioned', 'LifecycleExpiration:DeleteMarkerCreated', '2.3'],
        ['suspended', 'LifecycleExpiration:DeleteMarkerCreated', '2.3'],
        ['plain', 'LifecycleExpiration:Delete', '2.3'],
      ])
      expect(expired[0]).toMatchObject({
        userIdentity: { principalId: 's3.amazonaws.com' },
        requestParameters: { sourceIPAddress: 's3.amazonaws.com' },
      })
      for (const bucket of ['versioned', 'suspended', 'plain', 'plain']) expireCurrent(store, bucket, 'k')
      expect(s3.events()).toHaveLength(6)
    },
  )

  s3Test('has sequencers of midnight, which sort before the writes of the day', async ({ s3 }) => {
    await put(s3, 'versioned')
    expireCurrent(s3.server.store, 'versioned', 'k')
    const [created, expired] = s3.events().map(event => event.s3.object.sequencer)
    const midnight = Math.floor(Date.now() / 86_400_000) * 86_400
    expect(expired).toBe(`00${midnight.toString(16).toUpperCase()}000000`)
    expect((expired ?? '') < (created ?? '')).toBe(true)
  })

  s3Test('deletes old versions and delete markers permanently', async ({ s3 }) => {
    const one = await put(s3, 'versioned')
    const { VersionId: marker = '' } = await s3.client.send(new DeleteObjectCommand({ Bucket: 'versioned', Key: 'k' }))
    expireVersion(s3.server.store, 'versioned', 'k', one)
    expireVersion(s3.server.store, 'versioned', 'k', marker)
    expect(await history(s3.client, 'versioned')).toEqual([])
    const expired = s3.events().filter(event => event.eventName === 'LifecycleExpiration:Delete')
    expect(expired.map(event => [Object.keys(event.s3.object), event.s3.object.versionId])).toEqual([
      [['key', 'versionId', 'sequencer'], one],
      [['key', 'versionId', 'sequencer'], marker],
    ])
  })

  s3Test('moves a version to another storage class without a new version', async ({ s3 }) => {
    const one = await put(s3, 'versioned')
    const before = await s3.client.send(new HeadObjectCommand({ Bucket: 'versioned', Key: 'k' }))
    transition(s3.server.store, 'versioned', 'k', one, 'STANDARD_IA')
    const after = await s3.client.send(new HeadObjectCommand({ Bucket: 'versioned', Key: 'k' }))
    expect([after.StorageClass, after.VersionId, after.LastModified]).toEqual(['STANDARD_IA', one, before.LastModified])
    expect(s3.events().at(-1)).toMatchObject({
      eventName: 'LifecycleTransition',
      lifecycleEventData: { transitionEventData: { destinationStorageClass: 'STANDARD_IA' } },
    })
    expect(s3.events().at(-1)?.s3.object).not.toHaveProperty('sequencer')
  })
})

describe('an archived object', () => {
  const target = { Bucket: 'versioned', Key: 'k' }
  const restore = (client: S3Client, Days = 2) =>
    client.send(new RestoreObjectCommand({ ...target, RestoreRequest: { Days, GlacierJobParameters: { Tier: 'Standard' } } }))

  s3Test('can be read once it is restored, until the copy expires', async () => {
    const clock = () => Date.parse('2026-03-01T12:00:00Z')
    await using s3 = await startEndpoint({ clock })
    const versionId = await put(s3, 'versioned', { StorageClass: 'GLACIER' })
    const read = () => s3.client.send(new GetObjectCommand(target))
    const state = async () => (await s3.client.send(new HeadObjectCommand(target))).Restore
    expect(await failure(read())).toEqual(['InvalidObjectState', 403])
    expect((await restore(s3.client)).$metadata.httpStatusCode).toBe(202)
    expect(await state()).toBe('ongoing-request="true"')
    expect(await failure(restore(s3.client))).toEqual(['RestoreAlreadyInProgress', 409])
    expect(await failure(read())).toEqual(['InvalidObjectState', 403])

    completeRestore(s3.server.store, 'versioned', 'k', versionId)
    expect(await state()).toBe('ongoing-request="false", expiry-date="Wed, 04 Mar 2026 00:00:00 GMT"')
    expect(await (await read()).Body?.transformToString()).toBe('hello')
    expect((await restore(s3.client, 5)).$metadata.httpStatusCode).toBe(200)
    expect(await state()).toBe('ongoing-request="false", expiry-date="Sat, 07 Mar 2026 00:00:00 GMT"')

    expireRestore(s3.server.store, 'versioned', 'k')
    expect(await state()).toBeUndefined()
    expect(await failure(read())).toEqual(['InvalidObjectState', 403])
    const events = s3.events().slice(1)
    expect(events.map(event => [event.eventName, event.eventVersion, event.s3.object.sequencer])).toEqual([
      ['ObjectRestore:Post', '2.1', undefined],
      ['ObjectRestore:Completed', '2.1', undefined],
      ['ObjectRestore:Delete', '2.3', undefined],
    ])
    expect(events[1]?.glacierEventData).toEqual({
      restoreEventData: { lifecycleRestorationExpiryTime: '2026-03-04T00:00:00.000Z', lifecycleRestoreStorageClass: 'GLACIER' },
    })
    expect(await history(s3.client, 'versioned')).toEqual([`k ${versionId} version latest`])
  })

  s3Test(
    'was never restored by npm start: it is readable some seconds after the request, and archived again at the end',
    async () => {
      let now = Date.parse('2026-03-01T12:00:00Z')
      await using s3 = await startEndpoint({ clock: () => now })
      await put(s3, 'versioned', { StorageClass: 'GLACIER' })
      await restore(s3.client)
      const state = async (waitMs: number) => {
        now += waitMs
        advanceRestores(s3.server.store)
        return (await s3.client.send(new HeadObjectCommand(target))).Restore
      }
      expect(await state(1000)).toBe('ongoing-request="true"')
      expect(await state(1000)).toBe('ongoing-request="false", expiry-date="Wed, 04 Mar 2026 00:00:00 GMT"')
      expect(await state(2 * 86_400_000)).toBe('ongoing-request="false", expiry-date="Wed, 04 Mar 2026 00:00:00 GMT"')
      expect(await state(86_400_000)).toBeUndefined()
      expect(s3.events().map(event => event.eventName)).toEqual([
        'ObjectCreated:Put',
        'ObjectRestore:Post',
        'ObjectRestore:Completed',
        'ObjectRestore:Delete',
      ])
    },
  )

  s3Test('is the only one that can be restored', async ({ s3 }) => {
    await put(s3, 'versioned')
    expect(await failure(restore(s3.client))).toEqual(['InvalidObjectState', 403])
  })

  s3Test('sends EventBridge an event for each step', async () => {
    const delivered: EventBody[] = []
    await using s3 = await startEndpoint({ transport: 'eventbridge', deliver: event => void delivered.push(event) })
    const versionId = await put(s3, 'versioned', { StorageClass: 'DEEP_ARCHIVE' })
    await restore(s3.client)
    completeRestore(s3.server.store, 'versioned', 'k')
    expireRestore(s3.server.store, 'versioned', 'k')
    transition(s3.server.store, 'versioned', 'k', versionId, 'GLACIER')
    expireVersion(s3.server.store, 'versioned', 'k', versionId)
    const steps = delivered.map(event =>
      'detail' in event ? [event['detail-type'], event.detail.requester, event.detail.reason] : [],
    )
    expect(steps).toEqual([
      ['Object Created', '000000000000', 'PutObject'],
      ['Object Restore Initiated', '000000000000', undefined],
      ['Object Restore Completed', 's3.amazonaws.com', undefined],
      ['Object Restore Expired', 's3.amazonaws.com', undefined],
      ['Object Storage Class Changed', 's3.amazonaws.com', undefined],
      ['Object Deleted', 's3.amazonaws.com', 'Lifecycle Expiration'],
    ])
  })
})
