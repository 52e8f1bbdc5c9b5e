import { connect } from '../../shared/connection.ts'
import { reconcile } from '../../shared/reconcile.ts'
import { openRun } from '../../shared/reconcile-runs.ts'
import { testClient } from '../support/bucket.ts'

/** Reconciles the bucket `docs` slowly in a process of its own, which is to be killed, and prints each checkpoint. */
const [url, endpoint] = process.argv.slice(2) as [string, string]
const sql = connect({ url })
await reconcile(sql, testClient(endpoint), await openRun(sql, { bucket: 'docs' }), {
  graceSeconds: 0,
  requestsPerSecond: 100,
  leaseSeconds: 2,
  onProgress: ({ checkpoint }) => console.log(checkpoint),
})
await sql.end()
