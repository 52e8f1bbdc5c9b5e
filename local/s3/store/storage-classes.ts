import type { Version } from './types.ts'

/** Storage classes whose objects must be restored before they can be read. */
export const archiveClasses: readonly string[] = ['GLACIER', 'DEEP_ARCHIVE']

/** The storage classes that a write may name. */
export const storageClasses: readonly string[] = [
  ...['STANDARD', 'REDUCED_REDUNDANCY', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'],
  ...archiveClasses,
]

/** Whether the bytes of a version can be read now: not archived, or archived with a restored copy. */
export function isReadable({ storageClass, restore }: Version): boolean {
  return !archiveClasses.includes(storageClass) || restore?.ongoing === false
}
