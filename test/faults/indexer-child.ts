import { join } from 'node:path'
import { indexer } from '../../functions/queue/index-batch.ts'
import { openDatabase } from '../../local/sqlite.ts'
import { startEventSource } from '../../local/sqs/event-source.ts'
import { openQueue } from '../../local/sqs/queue.ts'
import { connect } from '../../shared/database/connection.ts'
import { testClient } from '../support/s3/bucket.ts'

/** Indexes the queue of an S3 endpoint's folder in its own process, which kills itself after a number of committed batches. */
const [url, endpoint, folder, batches] = process.argv.slice(2) as [string, string, string, string]
const sql = connect({ url })
const s3 = testClient(endpoint)
const index = indexer({ sql, s3, sendDeadLetter: async () => false, maxReceives: 1000 })
const queue = openQueue(openDatabase(join(folder, 's3.sqlite')), 'catalog-events', {
  visibilitySeconds: 1,
  maxReceiveCount: 1000,
})
let committed = 0
const source = startEventSource({
  queue,
  batchSize: 10,
  windowMs: 0,
  async handler(event) {
    const answer = await index(event)
    // Committed, and not yet acknowledged.
    if (++committed === Number(batches)) process.kill(process.pid, 'SIGKILL')
    return answer
  },
})
await source.drained()
await source.close()
await sql.end()
s3.destroy()
