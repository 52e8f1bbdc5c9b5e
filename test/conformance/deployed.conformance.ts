import { openInstallation } from './installation.ts'
import { conformanceSuite } from './suite.ts'

conformanceSuite('the catalog that the environment names', async () => openInstallation(process.env))
