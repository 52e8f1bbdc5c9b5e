import { CopyObjectCommand, DeleteObjectCommand, PutObjectCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import { describe, expect, vi } from 'vitest'
import type { EventBody } from '../../../local/s3/events/event-body.ts'
import { sequencerOf } from '../../../local/s3/events/sequencer.ts'
import { startSequence } from '../../../local/s3/store/sequence.ts'
import { failure, history, s3Test, startEndpoint } from './endpoint.ts'

const Key = 'a b/ü+%41.txt'

describe('an S3 notification', () => {
  s3Test('of a created object is the one that AWS documents, with a form-encoded key', async ({ s3 }) => {
    const { VersionId, ETag } = await s3.client.send(new PutObjectCommand({ Bucket: 'versioned', Key, Body: 'hello' }))
    expect(s3.server.events.messages().map(message => JSON.parse(message.body))).toEqual([
      {
        Records: [
          {
            eventVersion: '2.1',
            eventSource: 'aws:s3',
            awsRegion: 'us-east-1',
            eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
            eventName: 'ObjectCreated:Put',
            userIdentity: { principalId: 'AWS:catalog' },
            requestParameters: { sourceIPAddress: '127.0.0.1' },
            responseElements: { 'x-amz-request-id': expect.stringMatching(/^[0-9A-F]{16}$/), 'x-amz-id-2': expect.any(String) },
            s3: {
              s3SchemaVersion: '1.0',
              configurationId: 'catalog',
              bucket: {
                name: 'versioned',
                ownerIdentity: { principalId: expect.any(String) },
                arn: 'arn:aws:s3:::versioned',
              },
              object: {
                key: 'a+b/%C3%BC%2B%2541.txt',
                size: 5,
                eTag: ETag?.replaceAll('"', ''),
                versionId: VersionId,
                sequencer: expect.stringMatching(/^00[0-9A-F]{14}(..)?$/),
              },
            },
          },
        ],
      },
    ])
  })

  s3Test('has only the fields that AWS sends for its type', async ({ s3 }) => {
    const { client } = s3
    for (const Bucket of ['versioned', 'suspended', 'plain']) {
      await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }))
      await client.send(new PutObjectTaggingCommand({ Bucket, Key: 'k', Tagging: { TagSet: [] } }))
      await client.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k` }))
      await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }))
      await client.send(new DeleteObjectCommand({ Bucket, Key: 'copy', VersionId: 'null' }))
    }
    const shapes = s3
      .events()
      .map(({ eventName, s3: { bucket, object } }) => `${bucket.name} ${eventName}: ${Object.keys(object).join(' ')}`)
    expect(shapes).toEqual([
      'versioned ObjectCreated:Put: key size eTag versionId sequencer',
      'versioned ObjectTagging:Put: key eTag versionId',
      'versioned ObjectCreated:Copy: key size eTag versionId sequencer',
      'versioned ObjectRemoved:DeleteMarkerCreated: key versionId sequencer',
      'suspended ObjectCreated:Put: key size eTag sequencer',
      'suspended ObjectTagging:Put: key eTag',
      'suspended ObjectCreated:Copy: key size eTag sequencer',
      'suspended ObjectRemoved:DeleteMarkerCreated: key sequencer',
      'suspended ObjectRemoved:Delete: key sequencer',
      'plain ObjectCreated:Put: key size eTag sequencer',
      'plain ObjectTagging:Put: key eTag',
      'plain ObjectCreated:Copy: key size eTag sequencer',
      'plain ObjectRemoved:Delete: key sequencer',
      'plain ObjectRemoved:Delete: key sequencer',
    ])
  })
})

describe('an EventBridge event', () => {
  s3Test('is the one that AWS documents, with an unencoded key', async () => {
    const delivered: EventBody[] = []
    await using s3 = await startEndpoint({ transport: 'eventbridge', deliver: event => void delivered.push(event) })
    const { VersionId, ETag } = await s3.client.send(new PutObjectCommand({ Bucket: 'versioned', Key, Body: 'hello' }))
    const { VersionId: marker } = await s3.client.send(new DeleteObjectCommand({ Bucket: 'versioned', Key }))
    const common = {
      version: '0',
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      source: 'aws.s3',
      account: '000000000000',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      region: 'us-east-1',
      resources: ['arn:aws:s3:::versioned'],
    }
    const detail = {
      version: '0',
      bucket: { name: 'versioned' },
      'request-id': expect.stringMatching(/^[0-9A-F]{16}$/),
      requester: '000000000000',
      'source-ip-address': '127.0.0.1',
    }
    const sequencer = expect.stringMatching(/^[0-9a-f]{14}(..)?$/)
    expect(delivered).toEqual([
      {
        ...common,
        'detail-type': 'Object Created',
        detail: {
          ...detail,
          object: { key: Key, size: 5, etag: ETag?.replaceAll('"', ''), 'version-id': VersionId, sequencer },
          reason: 'PutObject',
        },
      },
      {
        ...common,
        'detail-type': 'Object Deleted',
        detail: {
          ...detail,
          object: { key: Key, 'version-id': marker, sequencer },
          reason: 'DeleteObject',
          'deletion-type': 'Delete Marker Created',
        },
      },
    ])
    expect(s3.server.events.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
  })
})

describe('a delivery', () => {
  s3Test('that fails rolls back its change', async () => {
    const deliver = () => {
      throw new Error('the channel is down')
    }
    const log = vi.spyOn(console, 'error').mockReturnValue()
    await using s3 = await startEndpoint({ deliver })
    const put = s3.client.send(new PutObjectCommand({ Bucket: 'versioned', Key, Body: 'x' }))
    expect(await failure(put)).toEqual(['InternalError', 500])
    expect(log).toHaveBeenCalledOnce()
    log.mockRestore()
    expect(await history(s3.client, 'versioned')).toEqual([])
  })
})

describe('a sequencer', () => {
  const numbers = (clock: () => number, count: number) => {
    const next = startSequence(clock, 0)
    return Array.from({ length: count }, next)
  }
  const padded = (sequencer: string | undefined) => (sequencer ?? '').padEnd(32, '0')

  s3Test('grows with every event, padded and compared as text, even if the clock stops or goes back', () => {
    const times = [1_700_000_000_000, 1_700_000_000_000, 1_699_999_999_000, 1_700_000_000_001, 1_700_000_001_000]
    let tick = 0
    const sequencers = numbers(() => times[Math.floor(tick++ / 5000)] ?? 1_700_000_002_000, 30_000).map(number =>
      padded(sequencerOf(number, 'aws')),
    )
    expect(sequencers.every((sequencer, index) => index === 0 || sequencer > (sequencers[index - 1] ?? ''))).toBe(true)
    expect(new Set(sequencers.map(sequencer => sequencer.replace(/0+$/, '').length)).size).toBeGreaterThan(1)
  })

  s3Test('begins with the seconds of its time', () => {
    const [number = 0] = numbers(() => Date.parse('2021-11-12T00:00:00.500Z'), 1)
    expect([sequencerOf(number, 'aws'), sequencerOf(number, 'ceph')]).toEqual(['00618DAE80800000', '80AE8D610065CD1D'])
    expect([sequencerOf(number, 'constant'), sequencerOf(number, 'none')]).toEqual(['0055AED6DCD90281E5', undefined])
  })

  s3Test('is omitted in the form `none`', async () => {
    await using s3 = await startEndpoint({ sequencer: 'none' })
    await s3.client.send(new PutObjectCommand({ Bucket: 'plain', Key: 'k', Body: 'x' }))
    expect(Object.keys(s3.events()[0]?.s3.object ?? {})).toEqual(['key', 'size', 'eTag'])
  })
})
