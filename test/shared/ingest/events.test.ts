import { describe, expect, test } from 'vitest'
import { parseRecord, recordsOf } from '../../../shared/ingest/events.ts'

/** A record of a notification as AWS documents it. */
function notification(facts: { record?: object; object?: object } = {}) {
  return {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: 'eu-central-1',
    eventTime: '2024-03-01T10:00:00.123Z',
    eventName: 'ObjectCreated:Put',
    userIdentity: { principalId: 'AWS:AIDA' },
    requestParameters: { sourceIPAddress: '192.0.2.1' },
    responseElements: { 'x-amz-request-id': 'C3D13FE58DE4C810', 'x-amz-id-2': 'FMyUVURI' },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'catalog',
      bucket: { name: 'docs', ownerIdentity: { principalId: 'A3NL1' }, arn: 'arn:aws:s3:::docs' },
      object: { key: 'a.txt', size: 7, eTag: 'e1', versionId: 'v1', sequencer: '0055AED6DCD90281E5', ...facts.object },
    },
    ...facts.record,
  }
}

/** An event of EventBridge as AWS documents it. */
function bridge(type: string, detail: object = {}, object: object = {}) {
  return {
    version: '0',
    id: '17793124-05d4-b198-2fde-7ededc63b103',
    'detail-type': type,
    source: 'aws.s3',
    account: '111122223333',
    time: '2024-03-01T10:00:00Z',
    region: 'ca-central-1',
    resources: ['arn:aws:s3:::docs'],
    detail: {
      version: '0',
      bucket: { name: 'docs' },
      object: { key: 'a.txt', size: 7, etag: 'e1', 'version-id': 'v1', sequencer: '00617F08299329D189', ...object },
      'request-id': 'N4N7GDK58NMKJ12R',
      requester: '123456789012',
      'source-ip-address': '192.0.2.2',
      ...detail,
    },
  }
}

const reasonOf = (record: unknown) => {
  try {
    return { event: parseRecord(record) }
  } catch (error) {
    return String(error)
  }
}

describe('a message', () => {
  test('has the records of a notification, or one EventBridge event', () => {
    const records = [notification(), notification({ object: { key: 'b' } })]
    expect(recordsOf(JSON.stringify({ Records: records }))).toEqual(records)
    expect(recordsOf(JSON.stringify(bridge('Object Created')))).toEqual([bridge('Object Created')])
    expect(recordsOf('{"Records":[]}')).toEqual([])
  })

  test('s3:TestEvent has no records', () => {
    const sent = {
      Service: 'Amazon S3',
      Event: 's3:TestEvent',
      Time: '2024-03-01T10:00:00.000Z',
      Bucket: 'docs',
      RequestId: '5582',
    }
    expect(recordsOf(JSON.stringify(sent))).toEqual([])
  })

  test.each(['', 'no JSON', 'null', '7', '"Records"', '{"Records": '])('%j is refused: not a JSON object', body => {
    expect(() => recordsOf(body)).toThrow('The message is not a JSON object')
  })

  test.each(['{}', '[]', '{"Records":{}}', '{"Event":"s3:Other"}', '{"detail":{}}'])(
    '%s is refused: of neither transport',
    body => {
      expect(() => recordsOf(body)).toThrow('Neither an S3 notification nor an EventBridge event of S3')
    },
  )
})

describe('one record', () => {
  test('of a notification is an event', () => {
    expect(parseRecord(notification())).toEqual({
      name: 'ObjectCreated:Put',
      announcesDeletions: true,
      effect: 'created',
      bucket: 'docs',
      key: 'a.txt',
      versionId: 'v1',
      sequencer: '0055AED6DCD90281E5',
      size: 7,
      etag: 'e1',
      occurredAt: new Date('2024-03-01T10:00:00.123Z'),
      principalId: 'AWS:AIDA',
      sourceIp: '192.0.2.1',
      requestId: 'C3D13FE58DE4C810',
      eventId: expect.stringMatching(/^[\w-]{43}$/),
    })
  })

  test('of EventBridge is the same kind of event', () => {
    expect(parseRecord(bridge('Object Created', { reason: 'CopyObject' }))).toEqual({
      name: 'ObjectCreated:Copy',
      announcesDeletions: true,
      effect: 'created',
      bucket: 'docs',
      key: 'a.txt',
      versionId: 'v1',
      sequencer: '00617F08299329D189',
      size: 7,
      etag: 'e1',
      occurredAt: new Date('2024-03-01T10:00:00Z'),
      principalId: '123456789012',
      sourceIp: '192.0.2.2',
      requestId: 'N4N7GDK58NMKJ12R',
      eventId: expect.stringMatching(/^[\w-]{43}$/),
    })
  })

  test('without the fields that other implementations omit is an event with version id null', () => {
    const { eventVersion, eventSource, eventTime, eventName } = notification()
    const bare = { eventVersion, eventSource, eventTime, eventName, s3: { bucket: { name: 'docs' }, object: { key: 'k' } } }
    const event = parseRecord(bare)
    expect(event).toMatchObject({ versionId: 'null', key: 'k' })
    expect([event.sequencer, event.size, event.etag, event.principalId, event.sourceIp, event.requestId]).toEqual(
      Array(6).fill(undefined),
    )
    expect(parseRecord(notification({ object: { versionId: '' } })).versionId).toBe('null')
    expect(parseRecord(notification({ record: { responseElements: null } })).requestId).toBeUndefined()
    const detail = { bucket: { name: 'docs' }, object: { key: 'k' } }
    const lean = { source: 'aws.s3', 'detail-type': 'Object Created', time: '2024-03-01T10:00:00Z', detail }
    expect(parseRecord(lean)).toMatchObject({ name: 'ObjectCreated:Put', versionId: 'null' })
  })
})

describe('a key', () => {
  test.each([
    ['a+b', 'a b'],
    ['a%2Bb', 'a+b'],
    ['a%20b', 'a b'],
    ['%2541', '%41'],
    ['%41', 'A'],
    ['%F0%9F%98%80', '😀'],
    ['😀', '😀'],
    ['u%CC%88', 'u\u0308'],
    ['a%00b%01', 'a\0b\x01'],
    ['%2Flead%2F%2F', '/lead//'],
    ['a/../b/', 'a/../b/'],
  ])('%s of a notification is form-encoded: %j', (sent, key) => {
    expect(parseRecord(notification({ object: { key: sent } })).key).toBe(key)
  })

  test.each(['a+b', 'a%2Bb', '%41', 'a b', '😀', 'a\0b', '/lead//'])('%j of EventBridge is not decoded', key => {
    expect(parseRecord(bridge('Object Created', {}, { key })).key).toBe(key)
  })

  test('of EventBridge has U+FFFD in place of a lone surrogate', () => {
    expect(parseRecord(bridge('Object Created', {}, { key: 'a\ud800b' })).key).toBe('a\ufffdb')
  })

  test('has 1 to 1,024 bytes and is UTF-8', () => {
    expect(parseRecord(notification({ object: { key: '%C3%BC'.repeat(512) } })).key).toBe('ü'.repeat(512))
    expect(reasonOf(notification({ object: { key: `${'%C3%BC'.repeat(512)}a` } }))).toBe('Invalid: A key has at most 1,024 bytes')
    expect(reasonOf(bridge('Object Created', {}, { key: 'ü'.repeat(513) }))).toBe('Invalid: A key has at most 1,024 bytes')
    expect(reasonOf(notification({ object: { key: '' } }))).toBe('Invalid: s3.object.key: A key is not empty')
    expect(reasonOf(notification({ object: { key: 'a%FFb' } }))).toBe('Invalid: Key a%FFb is not form-encoded UTF-8')
    expect(reasonOf(notification({ object: { key: '100%' } }))).toBe('Invalid: Key 100% is not form-encoded UTF-8')
  })
})

describe('what an event does', () => {
  test.each([
    ['ObjectCreated:Put', 'created'],
    ['s3:ObjectCreated:Put', 'created'],
    ['ObjectCreated:Post', 'created'],
    ['ObjectCreated:Copy', 'created'],
    ['ObjectCreated:CompleteMultipartUpload', 'created'],
    ['ObjectCreated:SomethingNew', 'created'],
    ['ObjectRemoved:Delete', 'deleted'],
    ['ObjectRemoved:DeleteMarkerCreated', 'created'],
    ['LifecycleExpiration:Delete', 'deleted'],
    ['LifecycleExpiration:DeleteMarkerCreated', 'created'],
    ['LifecycleTransition', 'details'],
    ['IntelligentTiering', 'details'],
    ['ObjectRestore:Post', 'details'],
    ['ObjectRestore:Completed', 'details'],
    ['ObjectRestore:Delete', 'details'],
    ['ObjectTagging:Put', 'details'],
    ['ObjectTagging:Delete', 'details'],
    ['ObjectAcl:Put', 'none'],
    ['ReducedRedundancyLostObject', 'none'],
    ['Replication:OperationFailedReplication', 'none'],
  ])('%s: %s', (eventName, effect) => {
    expect(parseRecord(notification({ record: { eventName } })).effect).toBe(effect)
  })

  test.each([
    ['Object Created', { reason: 'PutObject' }, 'ObjectCreated:Put'],
    ['Object Created', { reason: 'POST Object' }, 'ObjectCreated:Post'],
    ['Object Created', { reason: 'CompleteMultipartUpload' }, 'ObjectCreated:CompleteMultipartUpload'],
    ['Object Deleted', { reason: 'DeleteObject', 'deletion-type': 'Permanently Deleted' }, 'ObjectRemoved:Delete'],
    ['Object Deleted', { reason: 'DeleteObject', 'deletion-type': 'Delete Marker Created' }, 'ObjectRemoved:DeleteMarkerCreated'],
    ['Object Deleted', { reason: 'Lifecycle Expiration', 'deletion-type': 'Permanently Deleted' }, 'LifecycleExpiration:Delete'],
    [
      'Object Deleted',
      { reason: 'Lifecycle Expiration', 'deletion-type': 'Delete Marker Created' },
      'LifecycleExpiration:DeleteMarkerCreated',
    ],
    ['Object Restore Initiated', {}, 'ObjectRestore:Post'],
    ['Object Restore Completed', {}, 'ObjectRestore:Completed'],
    ['Object Restore Expired', {}, 'ObjectRestore:Delete'],
    ['Object Tags Added', {}, 'ObjectTagging:Put'],
    ['Object Tags Deleted', {}, 'ObjectTagging:Delete'],
    ['Object ACL Updated', {}, 'ObjectAcl:Put'],
    ['Object Storage Class Changed', {}, 'LifecycleTransition'],
    ['Object Access Tier Changed', {}, 'IntelligentTiering'],
  ])('%s %j is %s', (type, detail, name) => {
    expect(parseRecord(bridge(type, detail)).name).toBe(name)
  })
})

describe('refused with the reason', () => {
  test.each(['2.0', '2.1', '2.6', '2.10'])('event version %s is accepted', eventVersion => {
    expect(reasonOf(notification({ record: { eventVersion } }))).toMatchObject({ event: { key: 'a.txt' } })
  })

  test.each(['1.0', '3.0', '20.1', '2', ''])('event version %s', eventVersion => {
    expect(reasonOf(notification({ record: { eventVersion } }))).toBe(
      `Invalid: Event version ${eventVersion} is not supported, only 2.x`,
    )
  })

  test.each([
    [{ eventName: 'ObjectEaten:Whole' }, 'Invalid: Event ObjectEaten:Whole is unknown'],
    [{ eventSource: 'aws:sns' }, 'Invalid: Event source aws:sns is not an S3, such as aws:s3'],
    [{ eventTime: 'yesterday' }, 'Invalid: Event time yesterday is not a time'],
    [{ eventTime: 7 }, 'Invalid: eventTime: Invalid type: Expected string but received 7'],
    [{ s3: undefined }, 'Invalid: s3: Invalid type: Expected Object but received undefined'],
    [{ s3: { bucket: { name: '' }, object: { key: 'k' } } }, expect.stringMatching(/^Invalid: s3\.bucket\.name: /)],
  ])('a record with %j', (record, reason) => {
    expect(reasonOf(notification({ record }))).toEqual(reason)
  })

  test.each([null, 7, 'text', [], {}])('%j, which is not a record', record => {
    expect(reasonOf(record)).toMatch(/^Invalid: /)
  })

  test('an event of EventBridge of another source or kind', () => {
    expect(reasonOf({ ...bridge('Object Created'), source: 'aws.ec2' })).toBe(
      'Invalid: source: Only events of aws.s3 are supported',
    )
    expect(reasonOf(bridge('Object Eaten'))).toBe('Invalid: Detail type Object Eaten is unknown')
  })
})

describe('an event id', () => {
  const idOf = (facts: Parameters<typeof notification>[0]) => parseRecord(notification(facts)).eventId

  test('is the same for each delivery of an event', () => {
    expect(idOf({})).toBe(idOf({}))
    // A new minor version of the format may add fields.
    expect(idOf({ record: { eventVersion: '2.3', added: true } })).toBe(idOf({}))
  })

  test('differs between events', () => {
    const ids = [
      {},
      { object: { key: 'b.txt' } },
      { object: { versionId: 'v2' } },
      { object: { versionId: undefined } },
      { object: { sequencer: '0055AED6DCD90281E6' } },
      { record: { eventName: 'ObjectCreated:Copy' } },
      { record: { eventTime: '2024-03-01T10:00:00.124Z' } },
      { record: { responseElements: { 'x-amz-request-id': 'other' } } },
    ].map(idOf)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('events of another implementation were dead letters, or about another key', () => {
  const ofCeph = (record: object, object: object = {}) =>
    parseRecord(notification({ record: { eventSource: 'ceph:s3', eventVersion: '2.2', ...record }, object }))
  const ofMinio = (record: object, object: object = {}) =>
    parseRecord(notification({ record: { eventSource: 'minio:s3', eventVersion: '2.0', ...record }, object }))

  test.each(['a+b', '100%', 'a%20b', 'ü', ' '])('Ceph sends the key %j as it is', key => {
    expect(ofCeph({}, { key })).toMatchObject({ key, effect: 'created', versionId: 'v1', sequencer: undefined })
  })

  test.each([
    'ObjectCreated:Copy',
    'ObjectCreated:CompleteMultipartUpload',
    'ObjectRemoved:DeleteMarkerCreated',
    'ObjectRemoved:Delete',
    'ObjectCreated:Put',
    'ObjectSynced:Create',
  ])('an event %s of Ceph without a version id is a hint', eventName => {
    expect(ofCeph({ eventName }, { versionId: '' })).toMatchObject({ effect: 'hint', key: 'a.txt' })
  })

  test('an event of Ceph with the time 0.000000 has the time of its sequencer, or now', () => {
    const event = ofCeph({ eventTime: '0.000000', requestParameters: { sourceIPAddress: '' } }, { sequencer: '8CDC056B7BA57422' })
    expect(event.occurredAt).toEqual(new Date('2026-11-24T18:50:52.578Z'))
    expect(event.sourceIp).toBeUndefined()
    expect(ofCeph({ eventTime: 'never' }, { sequencer: 'none' }).occurredAt.getTime()).toBeGreaterThan(Date.now() - 60_000)
  })

  test('MinIO encodes keys as AWS does', () => {
    expect(ofMinio({ eventName: 's3:ObjectCreated:Put' }, { key: 'a+b%2Bc%25' })).toMatchObject({
      key: 'a b+c%',
      effect: 'created',
    })
  })

  test.each([
    ['s3:ObjectCreated:PutTagging', 'ObjectTagging:Put', 'details'],
    ['s3:ObjectCreated:DeleteTagging', 'ObjectTagging:Delete', 'details'],
    ['s3:ObjectCreated:PutRetention', 'ObjectRetention:Put', 'hint'],
    ['s3:ObjectRemoved:DeleteAllVersions', 'ObjectRemoved:DeleteAllVersions', 'hint'],
    ['s3:ObjectRemoved:DeleteMarkerCreated', 'ObjectRemoved:DeleteMarkerCreated', 'hint'],
    ['s3:ObjectAccessed:Get', 'ObjectAccessed:Get', 'none'],
    ['s3:ObjectRemoved:Delete', 'ObjectRemoved:Delete', 'deleted'],
  ])('an event %s of MinIO is %s: %s', (eventName, name, effect) => {
    expect(ofMinio({ eventName })).toMatchObject({ name, effect })
  })

  test('an event of an unknown S3 is a hint; its key is decoded if that is possible', () => {
    const of = (key: string) => parseRecord(notification({ record: { eventSource: 'garage:s3' }, object: { key } }))
    expect(of('a+b')).toMatchObject({ effect: 'hint', key: 'a b' })
    expect(of('100%')).toMatchObject({ effect: 'hint', key: '100%' })
  })

  test('an event of aws:s3 without version id and sequencer is a hint: moto sends neither', () => {
    const object = { versionId: undefined, sequencer: undefined }
    expect(parseRecord(notification({ object }))).toMatchObject({ effect: 'hint', versionId: 'null' })
    expect(parseRecord(notification({ object: { versionId: undefined } }))).toMatchObject({ effect: 'created' })
  })
})
