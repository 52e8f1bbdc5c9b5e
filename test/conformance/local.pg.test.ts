import { auditPruner } from '../../functions/jobs/prune.ts'
import { reconciler } from '../../functions/jobs/reconcile.ts'
import { connect } from '../../shared/database/connection.ts'
import { runCatalog } from '../support/running-catalog.ts'
import { type Installation, openInstallation } from './installation.ts'
import { tellStory } from './story.ts'

tellStory('the catalog on one machine', openLocal)

/** `npm start`, and beside it the functions that it doesn't let anybody invoke. */
async function openLocal(): Promise<Installation> {
  await using starting = new AsyncDisposableStack()
  const catalog = starting.use(await runCatalog())
  const installation = starting.use(openInstallation({ CATALOG_DATA: catalog.folder, CATALOG_PATIENCE_SECONDS: '20' }))
  const sql = connect({ url: catalog.databaseUrl, max: 4 })
  starting.defer(() => sql.end())
  const reconcile = reconciler({
    sql,
    s3: installation.s3,
    bucket: installation.bucket,
    requestsPerSecond: 500,
    graceSeconds: 1,
  })
  const started = starting.move()
  return {
    ...installation,
    prune: auditPruner({ sql, retentionDays: 365 }),
    reconcile: event => reconcile(event, { getRemainingTimeInMillis: () => 300_000 }),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
