import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { HeadBucketCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { FOLDER } from './deployment.ts'
import { clientConfig, ENVIRONMENT, localstackEnvironment } from './endpoint.ts'
import { runProgram } from './run-program.ts'

/** The CDK's CLI, pointed at LocalStack, and the stacks of the localstack stage that it has synthesised. */
export type Cdk = {
  bootstrap(): Promise<unknown>
  /** Deploys the stacks with these names (`*` matches any text) and the stacks they need; returns whether anything changed. */
  deploy(names: string[]): Promise<{ isChanged: boolean }>
  destroy(): Promise<unknown>
}

/** Where `deploy` writes the outputs of the stacks. */
export const OUTPUTS = join(FOLDER, 'outputs.json')

const ASSEMBLY = join(FOLDER, 'cdk.out')

/** Synthesises the localstack stage, for functions that find their database at an address; `migrations` is a folder other than ours. */
export async function synthesise(url: string, databaseUrl: string, migrations?: string): Promise<Cdk> {
  mkdirSync(FOLDER, { recursive: true })
  const env = { ...localstackEnvironment(url), DATABASE_URL: databaseUrl }
  const context = ['stage=localstack', ...(migrations ? [`migrations=${migrations}`] : [])].flatMap(pair => ['--context', pair])
  await runProgram('cdklocal', ['synth', '--quiet', '--output', ASSEMBLY, ...context, ...COMMON], {
    env,
    minutes: 5,
    shown: FAILURES,
  })
  return synthesised(url)
}

/** Whether stacks were synthesised, and so may be deployed. */
export function isSynthesised(): boolean {
  return existsSync(join(ASSEMBLY, 'manifest.json'))
}

/** Removes the synthesised stacks and the outputs of their deployment. */
export function forgetAssembly(): void {
  for (const path of [ASSEMBLY, OUTPUTS]) rmSync(path, { recursive: true, force: true })
}

/** The last synthesised stacks. */
export function synthesised(url: string): Cdk {
  const cdk = (args: string[], minutes: number) =>
    runProgram('cdklocal', [...args, ...COMMON], { env: localstackEnvironment(url), minutes, shown: RESULTS })
  return {
    // The CLI takes 20 s to see that there is nothing to do.
    bootstrap: async () => (await isBootstrapped(url)) || cdk(['bootstrap', ENVIRONMENT], 5),
    async deploy(names) {
      const output = await cdk(
        ['deploy', ...names, '--app', ASSEMBLY, '--require-approval', 'never', '--outputs-file', OUTPUTS, '--progress', 'events'],
        10,
      )
      const deployed = output.match(/✅/g)?.length ?? 0
      const unchanged = output.match(/✅.*\(no changes\)/g)?.length ?? 0
      return { isChanged: deployed > unchanged }
    },
    destroy: () => cdk(['destroy', '--all', '--force', '--app', ASSEMBLY], 10),
  }
}

/** The outputs of the last deployment, by stack. */
export function readOutputs(): Record<string, Record<string, string>> {
  return JSON.parse(readFileSync(OUTPUTS, 'utf8'))
}

async function isBootstrapped(url: string): Promise<boolean> {
  const s3 = new S3Client({ ...clientConfig(url), forcePathStyle: true })
  try {
    await s3.send(new HeadBucketCommand({ Bucket: ASSETS }))
    return true
  } catch (error) {
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return false
    throw error
  } finally {
    s3.destroy()
  }
}

/** The bucket that the CDK's bootstrap stack makes for bundles. */
const ASSETS = 'cdk-hnb659fds-assets-000000000000-us-east-1'

/** The lines to show, of hundreds: results of stacks, and errors. */
const RESULTS = /[✅❌]|_FAILED|\berror:/iu

const FAILURES = /\berror\b/i

const COMMON = ['--no-notices']
