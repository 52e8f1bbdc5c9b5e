import { expect } from 'vitest'
import { applyObservations, verified } from '../../../shared/catalog/observations.ts'
import { databaseTime } from '../../../shared/database/time.ts'
import { refreshKeys } from '../../../shared/refresh/refresh-keys.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { makeBucket, testS3, versionsInCatalog } from '../../support/s3/bucket.ts'

test('a response from before a deletion restored the version, if the deletion was only hinted at', async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'never')
  const key = { bucket: 'docs', key: 'deleted' }
  const before = await databaseTime(sql)
  expect(await refreshKeys(sql, bucket.s3, [key])).toEqual([])
  const late = verified({ ...key, versionId: 'null' }, { state: 'present', size: 1, lastModified: new Date() })
  await applyObservations(sql, before, { observed: [late] })
  expect(await versionsInCatalog(sql, 'docs')).toEqual([])
})
