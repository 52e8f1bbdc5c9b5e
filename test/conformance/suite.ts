import { describe } from 'vitest'
import { testChanges } from './changes.ts'
import { conformanceTest } from './fixture.ts'
import type { Installation } from './installation.ts'
import { testMaintenance } from './maintenance.ts'
import { testQueries } from './queries.ts'
import { testReconciles } from './reconciles.ts'

/** Longer than any wait: a reconcile compares recent changes again a minute later. */
const TIMEOUT_MS = 10 * 60_000

/**
 * Declares the conformance suite against one installation, whatever it runs on. It writes below a random prefix and deletes that afterwards, so
 * it may run beside others, and beside itself. Its tests wait for the catalog at the same time.
 */
export function conformanceSuite(where: string, open: () => Promise<Installation>): void {
  const test = conformanceTest(open)
  describe.concurrent(where, { timeout: TIMEOUT_MS }, () => {
    testChanges(test)
    testQueries(test)
    testReconciles(test)
    testMaintenance(test)
  })
}
