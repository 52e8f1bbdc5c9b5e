import { startS3 } from '../../../local/s3/server.ts'
import { createBucket } from '../../../local/s3/store/buckets.ts'

const [folder = ':memory:'] = process.argv.slice(2)
const server = await startS3({ folder })
createBucket(server.store, 'versioned', { versioning: 'Enabled' })
console.log(server.url)
