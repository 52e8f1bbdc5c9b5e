import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { Wire } from '../connect/ask.ts'
import { humanSize, humanTime, printable } from './print.ts'
import type { Column } from './table.ts'

/** An object in a table. */
export const objectColumns: Column<Wire<StoredObject>>[] = [
  { heading: 'Key', text: object => printable(object.key), wide: true },
  { heading: 'Size', text: object => humanSize(object.size), align: 'right' },
  { heading: 'Content type', text: object => printable(object.contentType ?? '') },
  { heading: 'Last modified', text: object => humanTime(object.lastModified) },
]
