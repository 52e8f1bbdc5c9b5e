import { auditPruner } from '../../functions/jobs/prune.ts'
import { connect } from '../../shared/database/connection.ts'
import { runCatalog } from '../support/running-catalog.ts'
import { type Installation, openInstallation } from './installation.ts'
import { conformanceSuite } from './suite.ts'

conformanceSuite('the catalog on one machine', openLocal)

/** `npm start`, and the pruner, which nobody can invoke there. */
async function openLocal(): Promise<Installation> {
  await using starting = new AsyncDisposableStack()
  const catalog = starting.use(await runCatalog())
  const installation = starting.use(openInstallation({ CATALOG_DATA: catalog.folder, CATALOG_WAIT_SECONDS: '20' }))
  const sql = connect({ url: catalog.databaseUrl, max: 4 })
  starting.defer(() => sql.end())
  const started = starting.move()
  return {
    ...installation,
    prune: auditPruner({ sql, retentionDays: 365 }),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
