import { defineConfig } from 'vitest/config'

/** `npm run test:moto`: a catalog that follows a bucket of another program's S3. CATALOG_MOTO names the moto_server to start. */
export default defineConfig({ test: { include: ['test/own-s3/*.own-s3.ts'], testTimeout: 120_000, reporters: ['verbose'] } })
