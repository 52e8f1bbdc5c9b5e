import { defineConfig } from 'vitest/config'

/** The suite that needs a browser: `npm run test:browser`. `CATALOG_BROWSER` names it, by default Debian's `/usr/bin/chromium`. */
export default defineConfig({
  test: {
    include: ['test/browser/*.browser.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    globalSetup: ['test/support/run/run-folder.ts'],
  },
})
