import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { Invalid } from '../errors.ts'
import { csvRows, type InventoryRow, parquetRows } from './inventory-files.ts'

/** The manifest of an S3 Inventory report: which bucket it is about, and the files with its rows. */
export type Inventory = {
  sourceBucket: string
  /** The bucket with the files. */
  bucket: string
  format: 'CSV' | 'Parquet'
  /** Names of the CSV's columns, in order. */
  fields: string[]
  createdAt: Date
  files: { key: string; size: number }[]
}

/** The fields that a report must have, as the manifest of a CSV names them and as a Parquet file does. */
export const INVENTORY_FIELDS = {
  Bucket: 'bucket',
  Key: 'key',
  VersionId: 'version_id',
  IsLatest: 'is_latest',
  IsDeleteMarker: 'is_delete_marker',
  Size: 'size',
  LastModifiedDate: 'last_modified_date',
  ETag: 'e_tag',
  StorageClass: 'storage_class',
} as const

/** Reads the manifest.json of a report. Throws Invalid when it is not a manifest, has an unsupported format or lacks fields, which it names. */
export async function readManifest(s3: S3Client, { bucket, key }: { bucket: string; key: string }): Promise<Inventory> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
  const manifest = parse(key, (await Body?.transformToString()) ?? '')
  const { sourceBucket, destinationBucket, fileFormat, fileSchema, creationTimestamp, files } = manifest
  if (!sourceBucket || !destinationBucket || !fileSchema || !Array.isArray(files)) {
    throw new Invalid(`${key} is not a manifest.json of S3 Inventory`)
  }
  if (fileFormat !== 'CSV' && fileFormat !== 'Parquet')
    throw new Invalid(`Inventory format ${fileFormat} is not supported: use CSV or Parquet`)
  const fields = fileFormat === 'CSV' ? fileSchema.split(',').map(name => name.trim()) : parquetFields(fileSchema)
  const missing = Object.entries(INVENTORY_FIELDS).filter(names => !fields.includes(names[fileFormat === 'CSV' ? 0 : 1]!))
  if (missing.length > 0) {
    throw new Invalid(`The inventory must include all versions and the fields ${missing.map(([name]) => name).join(', ')}`)
  }
  return {
    sourceBucket,
    bucket: destinationBucket.replace(/^arn:[^:]*:s3:::/, ''),
    format: fileFormat,
    fields,
    createdAt: new Date(Number(creationTimestamp)),
    files: files.map(({ key, size }) => ({ key, size: Number(size) })),
  }
}

/** A place in a report: all rows of earlier files, and this many rows of the file with this index (from 0). */
export type InventoryPosition = { file: number; rows: number }

/** A row, and the position after it. */
export type PositionedRow = InventoryRow & { position: InventoryPosition }

/**
 * Streams the rows of a report after a position, file by file, in the order of the files. Memory holds a block of a CSV or a row group of a
 * Parquet file. Rows of the first file up to the position are read and skipped.
 */
export async function* readInventory(
  s3: S3Client,
  { bucket, format, fields, files }: Inventory,
  after: InventoryPosition = { file: 0, rows: 0 },
): AsyncGenerator<PositionedRow> {
  for (const [index, file] of files.entries()) {
    if (index < after.file) continue
    const rows = format === 'CSV' ? csvRows(s3, { bucket, ...file }, fields) : parquetRows(s3, { bucket, ...file })
    let count = 0
    for await (const row of rows) {
      count++
      if (index === after.file && count <= after.rows) continue
      yield { ...row, ...(row.isDeleteMarker ? DELETE_MARKER : {}), position: { file: index, rows: count } }
    }
  }
}

/** What a listing has of a delete marker. */
const DELETE_MARKER = { size: null, etag: null, storageClass: null }

type Manifest = {
  sourceBucket?: string
  destinationBucket?: string
  fileFormat?: string
  fileSchema?: string
  creationTimestamp?: string
  files?: { key: string; size: number }[]
}

function parse(key: string, text: string): Manifest {
  try {
    return JSON.parse(text) ?? {}
  } catch (error) {
    throw new Invalid(`${key} is not a manifest.json of S3 Inventory`, { cause: error })
  }
}

/** `message s3.inventory { required binary bucket (UTF8); optional boolean is_latest; ... }` */
function parquetFields(schema: string): string[] {
  return [...schema.matchAll(/(?:required|optional)\s+\w+\s+(\w+)/g)].map(([, name = '']) => name)
}
