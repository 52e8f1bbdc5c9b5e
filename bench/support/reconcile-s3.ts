import { startS3 } from '../../local/s3/server.ts'
import { fillBucket } from '../../test/support/s3/fill-bucket.ts'

/** An S3 endpoint in a process of its own, so that its memory does not count for the reconcile. Sends its address when its buckets are filled. */
const server = await startS3({ folder: ':memory:' })
for (const size of process.argv.slice(2).map(Number)) {
  const nameOf = (n: number) => `archive/${String(n % 1000).padStart(3, '0')}/document ${n} of ${size}.pdf`
  fillBucket(server, `bench-${size}`, size, nameOf)
}
process.send?.(server.url)
process.on('disconnect', () => process.exit())
