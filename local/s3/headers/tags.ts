import { S3Error } from '../errors.ts'
import { childrenOf, fromXml, textOf, withOnly } from '../http/xml.ts'
import type { Tag } from '../store/types.ts'

/**
 * Checks tags against S3's limits: at most 10 of an object, keys of 1 to 128 and values of up to 256 allowed characters, no duplicate keys.
 * Throws BadRequest or InvalidTag.
 */
export function checkTags(tags: Tag[], most = MAX_OBJECT_TAGS): Tag[] {
  if (tags.length > most) throw new S3Error('BadRequest', { message: `Object tags cannot be greater than ${most}` })
  for (const { key, value } of tags) {
    if (key === '' || [...key].length > 128 || !allowed.test(key)) invalid('The TagKey you have provided is invalid', key)
    if ([...value].length > 256 || !allowed.test(value)) invalid('The TagValue you have provided is invalid', key)
    if (key.startsWith('aws:')) invalid('System tags cannot be added/updated by requester', key)
  }
  if (new Set(tags.map(tag => tag.key)).size < tags.length)
    invalid('Cannot provide multiple Tags with the same key', tags[0]!.key)
  return tags
}

/** Reads and checks the document of PutObjectTagging, or of PutBucketTagging, which allows more. */
export function readTagging(document: string, most = MAX_OBJECT_TAGS): Tag[] {
  const sets = childrenOf(withOnly(fromXml('Tagging', document), ['TagSet']), 'TagSet')
  if (sets.length !== 1) throw new S3Error('MalformedXML')
  const tags = childrenOf(withOnly(sets[0]!, ['Tag']), 'Tag').map(element => {
    const tag = withOnly(element, ['Key', 'Value'])
    const [key, value] = [textOf(tag, 'Key'), textOf(tag, 'Value')]
    if (key === undefined || value === undefined) throw new S3Error('MalformedXML')
    return { key, value }
  })
  return checkTags(tags, most)
}

const MAX_OBJECT_TAGS = 10

// S3 user guide, "Categorizing your objects using tags": letters, numbers, spaces and + - = . _ : / @
const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u

function invalid(message: string, key: string): never {
  throw new S3Error('InvalidTag', { message, details: { TagKey: key } })
}
