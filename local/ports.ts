import { once } from 'node:events'
import { createServer } from 'node:net'
import { errno } from './errno.ts'

/** The parts of the catalog that listen on a port. */
export type Listener = 'api' | 's3' | 'postgres' | 'webhook'

const LISTENERS: Record<Listener, { name: string; flag: string; variable: string }> = {
  api: { name: 'the API', flag: '--api-port', variable: 'CATALOG_API_PORT' },
  s3: { name: 'S3', flag: '--s3-port', variable: 'CATALOG_S3_PORT' },
  webhook: { name: 'the webhook', flag: '--webhook-port', variable: 'CATALOG_WEBHOOK_PORT' },
  postgres: { name: 'Postgres', flag: '--postgres-port', variable: 'CATALOG_POSTGRES_PORT' },
}

/**
 * Returns the port (for 0 a free one) if 127.0.0.1 can listen on it now. Otherwise throws an error that says what is wrong and how
 * to choose another port.
 */
export async function freePort(listener: Listener, port = 0): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening').catch(error => {
    throw explainPort(listener, port, error)
  })
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return address.port
}

/** Throws if a port can't be used or is configured twice. Called before anything is started. */
export async function ensurePorts(ports: Partial<Record<Listener, number>>): Promise<void> {
  const wanted = (Object.entries(ports) as [Listener, number][]).filter(([, port]) => port !== 0)
  for (const [listener, port] of wanted) {
    const other = wanted.find(one => one[1] === port)![0]
    if (other !== listener)
      throw new Error(
        `Port ${port} is configured for both ${LISTENERS[other].name} and ${LISTENERS[listener].name}: ${choose(listener)}`,
      )
  }
  for (const [listener, port] of wanted) await freePort(listener, port)
}

/** Turns an error of listening into one that says what to do about it. Returns any other error unchanged. */
export function explainPort(listener: Listener, port: number | undefined, error: unknown): unknown {
  const { name } = LISTENERS[listener]
  const reason = { EADDRINUSE: 'is in use: stop the program that listens on it, or', EACCES: 'needs more privileges:' }[
    errno(error) ?? ''
  ]
  return reason ? new Error(`Port ${port} for ${name} ${reason} ${choose(listener)}`, { cause: error }) : error
}

function choose(listener: Listener): string {
  const { flag, variable } = LISTENERS[listener]
  return `choose another port with ${flag} or ${variable}`
}
