import { decodeKey } from '../../../shared/s3/key-encoding.ts'
import { type TestS3, testClient } from './bucket.ts'
import type { Implementation } from './implementations.ts'
import { asEventOf } from './other-events.ts'
import { type Changes, startS3Proxy } from './s3-proxy.ts'

/** One difference, and where it is known from. The bucket is the one behind the proxy. */
type Quirk = {
  of: Implementation[]
  what: string
  source: string
  request?: Changes['request']
  response?: (...args: [...Parameters<NonNullable<Changes['response']>>, TestS3]) => void | Promise<void>
}

/** The answers that differ. What the events look like is in `other-events.ts`. */
export const QUIRKS: Quirk[] = [
  {
    of: ['ceph'],
    what: 'NextKeyMarker is not encoded, although the keys are',
    source: 'radosgw 16.2.15; src/rgw/rgw_rest_s3.cc, send_versioned_response',
    response: editXml(xml => xml.replace(/(?<=<NextKeyMarker>)[^<]+/, marker => toXmlText(decodeKey(marker)))),
  },
  {
    of: ['ceph'],
    what: 'a space of a key is %20',
    source: 'radosgw 16.2.15; src/rgw/rgw_common.cc, url_encode',
    response: editXml(xml => xml.replaceAll(/(?<=<Key>)[^<]+/g, key => key.replaceAll('+', '%20'))),
  },
  {
    of: ['ceph'],
    what: 'HEAD of a delete marker is 404, and does not say that it is one',
    source: 'radosgw 16.2.15',
    response({ method }, response) {
      if (method !== 'HEAD' || response.headers.get('x-amz-delete-marker') !== 'true') return
      response.status = 404
      for (const name of ['x-amz-delete-marker', 'x-amz-version-id', 'last-modified', 'allow']) response.headers.delete(name)
    },
  },
  {
    of: ['ceph'],
    what: 'the listing has no entity tag and another time after the tags of a version were deleted',
    source: 'radosgw 16.2.15; set_attrs writes the index of the bucket with the attributes that it is given',
    response(request, response, { events }) {
      const untagged = events
        .map(body => JSON.parse(body).Records[0])
        .filter(({ eventName }) => eventName === 'ObjectTagging:Delete')
      const ids = new Set(untagged.map(({ s3 }) => s3.object.versionId).filter(id => id !== undefined))
      const edit = editXml(xml =>
        xml.replaceAll(/<Version>.*?<\/Version>/gs, version => {
          if (!ids.has(/(?<=<VersionId>)[^<]+/.exec(version)?.[0])) return version
          return version
            .replace(/(?<=<ETag>)[^<]+/, '&quot;&quot;')
            .replace(/(?<=<LastModified>)[^<]+/, '2038-01-19T03:14:07.123Z')
        }),
      )
      return edit(request, response)
    },
  },
  {
    of: ['minio'],
    what: 'NextKeyMarker has the place in a cache after the key',
    source: 'MinIO RELEASE.2024; cmd/metacache-marker.go, encodeMarker',
    request({ url }) {
      const marker = url.searchParams.get('key-marker')
      if (marker !== null) url.searchParams.set('key-marker', marker.replace(CACHE, ''))
      return undefined
    },
    response: editXml(xml => xml.replace(/(?<=<NextKeyMarker>)[^<]+/, marker => `${marker}%5Bminio_cache%3Av2%2Creturn%3A%5D`)),
  },
  {
    of: ['moto'],
    what: 'encoding-type is ignored, and so is not returned',
    source: 'moto 5.2.1; moto/s3/responses.py, list_object_versions',
    request({ url }) {
      url.searchParams.delete('encoding-type')
      return undefined
    },
  },
  {
    of: ['moto'],
    what: 'HEAD with the version id null is 400 in a bucket that never had versioning',
    source: 'moto 5.2.1; moto/s3/responses.py, head_object',
    async request({ method, url }) {
      if (method !== 'HEAD' || url.searchParams.get('versionId') !== 'null') return undefined
      const versioning = await fetch(new URL(`/${url.pathname.split('/')[1]}?versioning`, url))
      if ((await versioning.text()).includes('<Status>')) return undefined
      return { status: 400, headers: new Headers(), body: Buffer.alloc(0) }
    },
  },
  {
    of: ['moto', 'minio'],
    what: 'HEAD of a delete marker is 405 without Last-Modified',
    source: 'moto 5.2.1; moto/s3/responses.py, head_object',
    response({ method }, response) {
      if (method === 'HEAD' && response.headers.get('x-amz-delete-marker') === 'true') response.headers.delete('last-modified')
    },
  },
]

const CACHE = /\[minio_cache:[^\]]*\]$/

/** The S3 that answers like another implementation: `s3` is a client of it, `events` are a copy of the bucket's as it sends them. For `await using`. */
export async function asImplementation(bucket: TestS3, implementation: Implementation): Promise<TestS3> {
  const quirks = QUIRKS.filter(({ of }) => of.includes(implementation))
  const proxy = await startS3Proxy(bucket.server.url, {
    async request(request) {
      for (const quirk of quirks) {
        const response = await quirk.request?.(request)
        if (response) return response
      }
      return undefined
    },
    async response(request, response) {
      for (const quirk of quirks) await quirk.response?.(request, response, bucket)
    },
  })
  const s3 = testClient(proxy.url)
  return {
    ...bucket,
    s3,
    get events() {
      return bucket.events.flatMap(body => asEventOf(implementation, body) ?? [])
    },
    async [Symbol.asyncDispose]() {
      s3.destroy()
      await proxy[Symbol.asyncDispose]()
    },
  }
}

/** Changes the XML of listings of versions. */
function editXml(edit: (xml: string) => string): NonNullable<Changes['response']> {
  return ({ method, url }, response) => {
    if (method === 'GET' && url.searchParams.has('versions')) response.body = Buffer.from(edit(response.body.toString()))
  }
}

/** For a text of XML. */
function toXmlText(text: string): string {
  return text.replaceAll(/[&<>\p{Cc}]/gu, character => `&#x${character.charCodeAt(0).toString(16)};`)
}
