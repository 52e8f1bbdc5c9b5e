import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

/** A TCP proxy to a local port that delays what clients send. It runs in a thread of its own, so that its timers are not late. */
export async function startLatencyProxy(
  port: number,
  milliseconds: number,
): Promise<{ port: number; close(): Promise<unknown> }> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { port, milliseconds } })
  const [listening] = await once(worker, 'message')
  return { port: Number(listening), close: () => worker.terminate() }
}

if (!isMainThread) {
  const { port, milliseconds } = workerData
  const server = createServer(client => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) socket.setNoDelay(true)
    forward(client, upstream, milliseconds)
    forward(upstream, client, 0)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  parentPort?.postMessage((server.address() as AddressInfo).port)
}

/** Forwards data in order, each piece delayed. */
function forward(from: Socket, to: Socket, milliseconds: number): void {
  const pass = (act: () => void) => (milliseconds === 0 ? act() : setTimeout(act, milliseconds))
  from.on('data', piece => pass(() => to.write(piece)))
  from.on('close', () => pass(() => to.destroy()))
  from.on('error', () => to.destroy())
}
