import { startS3 } from '../../../local/s3/server.ts'

const [folder = ':memory:'] = process.argv.slice(2)
const server = await startS3({ folder })
server.store.createBucket('versioned', 'Enabled')
console.log(server.url)
