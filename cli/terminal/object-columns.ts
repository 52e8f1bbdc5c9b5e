import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { Jsonify } from '../connect/get-json.ts'
import { formatSize, formatTime, printable } from './print.ts'
import type { Column } from './table.ts'

/** The columns for a table of objects. */
export const objectColumns: Column<Jsonify<StoredObject>>[] = [
  { heading: 'Key', text: object => printable(object.key), share: 2 },
  { heading: 'Size', text: object => formatSize(object.size), align: 'right' },
  { heading: 'Content type', text: object => printable(object.contentType ?? ''), share: 1 },
  { heading: 'Last modified', text: object => formatTime(object.lastModified) },
]
