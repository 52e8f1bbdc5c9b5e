import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type BrowserContext, chromium, type Page } from 'playwright-core'

/** A browser that resolves every name below `.example` to this machine, and a server of pages that knows none of the catalog. */
export type TestBrowser = {
  /** The port on which the pages of all names are served. */
  port: number
  /** Opens an empty page of that origin, which a sandbox replaces by `null`; `seen` collects the responses of other servers: method, host, path, status. */
  open(origin: string, path?: '/page' | '/sandboxed'): Promise<{ page: Page; seen: string[]; context: BrowserContext }>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts both, for `await using`. Root can't have Chromium's sandbox. */
export async function startBrowser(): Promise<TestBrowser> {
  const pages = createServer(({ url }, response) => {
    if (url === '/sandboxed') response.setHeader('content-security-policy', 'sandbox allow-scripts allow-forms')
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>page</title>')
  })
  await once(pages.listen(0, '127.0.0.1'), 'listening')
  const { port } = pages.address() as AddressInfo
  const browser = await chromium.launch({
    executablePath: process.env.CATALOG_BROWSER || '/usr/bin/chromium',
    args: [
      '--host-resolver-rules=MAP *.example 127.0.0.1',
      // What other browsers do not have protects nobody who uses them.
      '--disable-features=LocalNetworkAccessChecks',
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  })
  return {
    port,
    async open(origin, path = '/page') {
      const context = await browser.newContext({ acceptDownloads: true })
      const page = await context.newPage()
      const seen: string[] = []
      context.on('response', response => {
        const { host, port: to, pathname } = new URL(response.url())
        if (to !== String(port) && pathname !== '/page') {
          seen.push(`${response.request().method()} ${host}${pathname} ${response.status()}`)
        }
      })
      // A page of the catalog's own address is served here: what an attacker's name server did before it names this machine.
      if (!origin.endsWith(`:${port}`)) {
        await context.route(`${origin}/page`, route => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }))
      }
      await page.goto(origin + path)
      return { page, seen, context }
    },
    async [Symbol.asyncDispose]() {
      await browser.close()
      pages.close()
    },
  }
}
