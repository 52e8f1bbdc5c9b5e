import { gzipSync } from 'node:zlib'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { ListedKey } from '../../../shared/listing.ts'
import { INVENTORY_FIELDS } from '../../../shared/s3/inventory.ts'
import { listBucketVersions } from '../../../shared/s3/list-versions.ts'

type Row = ListedKey['versions'][number] & { key: string }

/**
 * Writes a report of all versions of a bucket, or of those with a prefix, into a bucket, as S3 Inventory does: two data files and a manifest.
 * Returns the key of the manifest, which begins with `folder`. `without` leaves out fields.
 */
export async function writeInventory(
  s3: S3Client,
  {
    bucket,
    to,
    format,
    prefix = '',
    folder = '',
    without = [],
  }: { bucket: string; to: string; format: 'CSV' | 'Parquet'; prefix?: string; folder?: string; without?: string[] },
): Promise<string> {
  const keys = await Array.fromAsync(listBucketVersions(s3, { bucket, prefix, now: async () => '' }))
  const rows: Row[] = keys.flatMap(({ key, versions }) => versions.map(version => ({ ...version, key })))
  // S3 promises no order.
  rows.sort((a, b) => (a.versionId < b.versionId ? -1 : 1))
  const names = Object.keys(INVENTORY_FIELDS).filter(name => !without.includes(name))
  const halves = [rows.slice(0, rows.length >> 1), rows.slice(rows.length >> 1)]
  const files = await Promise.all(
    halves.map(async (half, n) => {
      const body = format === 'CSV' ? csv(bucket, half, names) : parquet(bucket, half)
      const key = `${folder}${bucket}/all/data/${n}.${format === 'CSV' ? 'csv.gz' : 'parquet'}`
      await s3.send(new PutObjectCommand({ Bucket: to, Key: key, Body: body }))
      return { key, size: body.byteLength, MD5checksum: '' }
    }),
  )
  const columns: string[] = Object.entries(INVENTORY_FIELDS).flatMap(([name, column]) => (names.includes(name) ? [column] : []))
  const manifest = {
    sourceBucket: bucket,
    destinationBucket: `arn:aws:s3:::${to}`,
    version: '2016-11-30',
    creationTimestamp: String(Date.now()),
    fileFormat: format,
    fileSchema:
      format === 'CSV'
        ? names.join(', ')
        : `message s3.inventory { ${columns.map(column => `optional binary ${column} (UTF8);`).join(' ')} }`,
    files,
  }
  const key = `${bucket}/all/2026-11-01T00-00Z/manifest.json`
  await s3.send(new PutObjectCommand({ Bucket: to, Key: key, Body: JSON.stringify(manifest) }))
  return key
}

function csv(bucket: string, rows: Row[], names: string[]): Uint8Array {
  const lines = rows.map(row => {
    const values: Record<string, string> = {
      Bucket: bucket,
      Key: encodeURIComponent(row.key).replaceAll('%20', '+').replaceAll('%2F', '/'),
      VersionId: row.versionId === 'null' ? '' : row.versionId,
      IsLatest: String(row.isLatest),
      IsDeleteMarker: String(row.isDeleteMarker),
      Size: row.isDeleteMarker ? '' : String(row.size),
      LastModifiedDate: new Date(row.lastModified * 1000).toISOString(),
      ETag: row.etag ?? '',
      StorageClass: row.isDeleteMarker ? '' : (row.storageClass ?? ''),
    }
    return names.map(name => `"${values[name]}"`).join(',')
  })
  return gzipSync(lines.map(line => `${line}\n`).join(''))
}

function parquet(bucket: string, rows: Row[]): Uint8Array {
  return new Uint8Array(
    parquetWriteBuffer({
      rowGroupSize: 3,
      columnData: [
        { name: 'bucket', type: 'STRING', data: rows.map(() => bucket) },
        { name: 'key', type: 'STRING', data: rows.map(({ key }) => key) },
        { name: 'version_id', type: 'STRING', data: rows.map(({ versionId }) => (versionId === 'null' ? null : versionId)) },
        { name: 'is_latest', type: 'BOOLEAN', data: rows.map(({ isLatest }) => isLatest) },
        { name: 'is_delete_marker', type: 'BOOLEAN', data: rows.map(({ isDeleteMarker }) => isDeleteMarker) },
        { name: 'size', type: 'INT64', data: rows.map(({ size }) => (size === null ? null : BigInt(size))) },
        { name: 'last_modified_date', type: 'TIMESTAMP', data: rows.map(({ lastModified }) => new Date(lastModified * 1000)) },
        { name: 'e_tag', type: 'STRING', data: rows.map(({ etag }) => etag) },
        { name: 'storage_class', type: 'STRING', data: rows.map(({ storageClass }) => storageClass) },
      ],
    }),
  )
}
