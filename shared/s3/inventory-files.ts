import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { Invalid } from '../errors.ts'
import type { ListedVersion } from '../listing.ts'
import { decodeKeyOf } from './key-encoding.ts'

/** A version in a report: correct when the report was made, up to two days ago, so only a hint where to look now. */
export type InventoryRow = ListedVersion & { bucket: string; key: string }

/** A file of a report. `size` is bytes. */
export type InventoryFile = { bucket: string; key: string; size: number }

/** The rows of a gzipped CSV file without a header; keys are URL-encoded in it. */
export async function* csvRows(s3: S3Client, file: InventoryFile, fields: string[]): AsyncGenerator<InventoryRow> {
  const { parse } = await import('csv-parse')
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: file.bucket, Key: file.key }))
  if (!(Body instanceof Readable)) throw new Invalid(`${file.key} is empty`)
  // The reader of the last stream gets the error of any of them.
  const records: AsyncIterable<Record<string, string>> = pipeline(
    Body,
    createGunzip(),
    parse({ columns: fields }),
    () => undefined,
  )
  for await (const row of records) {
    yield {
      bucket: row.Bucket ?? '',
      key: decodeKeyOf('The key of an Inventory report', row.Key ?? ''),
      versionId: row.VersionId || 'null',
      isLatest: row.IsLatest === 'true',
      isDeleteMarker: row.IsDeleteMarker === 'true',
      size: Number(row.Size || 0),
      etag: row.ETag || null,
      storageClass: row.StorageClass || 'STANDARD',
      lastModified: seconds(row.LastModifiedDate),
    }
  }
}

/** The rows of a Parquet file, row group by row group; keys are not encoded in it. */
export async function* parquetRows(s3: S3Client, file: InventoryFile): AsyncGenerator<InventoryRow> {
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet')
  const buffer = { byteLength: file.size, slice: (start: number, end = file.size) => readRange(s3, file, start, end) }
  const metadata = await parquetMetadataAsync(buffer)
  let rowStart = 0
  for (const { num_rows } of metadata.row_groups) {
    const rowEnd = rowStart + Number(num_rows)
    const rows: ParquetRow[] = await parquetReadObjects({ file: buffer, metadata, columns: PARQUET_COLUMNS, rowStart, rowEnd })
    yield* rows.map(fromParquet)
    rowStart = rowEnd
  }
}

const PARQUET_COLUMNS = [
  'bucket',
  'key',
  'version_id',
  'is_latest',
  'is_delete_marker',
  'size',
  'last_modified_date',
  'e_tag',
  'storage_class',
]

/** As hyparquet returns them: 64-bit integers as bigint, timestamps as Date. */
type ParquetRow = Record<string, unknown>

function fromParquet(row: ParquetRow): InventoryRow {
  const text = (name: string) => (typeof row[name] === 'string' && row[name] !== '' ? row[name] : null)
  const at = row.last_modified_date
  return {
    bucket: text('bucket') ?? '',
    key: text('key') ?? '',
    versionId: text('version_id') ?? 'null',
    isLatest: row.is_latest === true,
    isDeleteMarker: row.is_delete_marker === true,
    size: Number(row.size ?? 0),
    etag: text('e_tag'),
    storageClass: text('storage_class') ?? 'STANDARD',
    lastModified: Math.floor(Number(at instanceof Date ? at.getTime() : (at ?? Number.NaN)) / 1000),
  }
}

async function readRange(s3: S3Client, { bucket, key }: InventoryFile, start: number, end: number): Promise<ArrayBuffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=${start}-${end - 1}` }))
  if (!Body) throw new Invalid(`${key} is empty`)
  const bytes = await Body.transformToByteArray()
  return new Uint8Array(bytes).buffer
}

function seconds(iso: string | undefined): number {
  return Math.floor(Date.parse(iso ?? '') / 1000)
}
