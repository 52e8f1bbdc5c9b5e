import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { Page } from '../../shared/database/page.ts'
import { getJson, type Jsonify } from '../connect/get-json.ts'
import type { Target } from '../connect/target.ts'

/** Streams the objects of the catalog whose keys have a prefix, in the order of their keys. */
export async function* listObjects(target: Target, prefix: string): AsyncGenerator<Jsonify<StoredObject>> {
  let cursor: string | undefined
  do {
    const parameters = { bucket: target.bucket, prefix: prefix || undefined, limit: 1000, cursor }
    const page = await getJson<Page<Jsonify<StoredObject>>>(target, '/objects', parameters)
    yield* page.items
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
}
