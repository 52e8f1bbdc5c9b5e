import { openRun } from '../../../shared/catalog/reconcile-runs.ts'
import { connect } from '../../../shared/database/connection.ts'
import { reconcile } from '../../../shared/reconcile/reconcile.ts'
import { testClient } from '../../support/s3/bucket.ts'

/** Reconciles the bucket `docs` slowly in its own process, which the test kills, and prints each checkpoint. */
const [url, endpoint] = process.argv.slice(2) as [string, string]
const sql = connect({ url })
await reconcile(sql, testClient(endpoint), await openRun(sql, { kind: 'reconcile', bucket: 'docs' }), {
  graceSeconds: 0,
  requestsPerSecond: 10,
  leaseSeconds: 2,
  onProgress: ({ checkpoint }) => console.log(checkpoint),
})
await sql.end()
