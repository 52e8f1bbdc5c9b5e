import { defineConfig } from 'vitest/config'

/** `npm run conformance`: the suite against an installation that runs already. */
export default defineConfig({
  test: {
    include: ['test/conformance/*.conformance.ts'],
    maxConcurrency: 8,
    hookTimeout: 300_000,
    reporters: ['verbose'],
  },
})
