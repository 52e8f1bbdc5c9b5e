import type { IncomingHttpHeaders } from 'node:http'

/** Why a request may come from a web page of another origin. */
export type CrossSite = { reason: string; origin: string | undefined }

/**
 * Whether a request may come from a web page of another origin, and why; undefined for programs, for addresses that a user types in, and for
 * pages of this server. Browsers send `Sec-Fetch-Site` to loopback addresses and `Origin` with all but simple reads (Fetch Metadata; Fetch
 * standard, "Origin header"), and pages can't change either. Another port of this machine is another origin.
 */
export function crossSite(headers: IncomingHttpHeaders): CrossSite | undefined {
  const { origin, host } = headers
  if (origin !== undefined && origin.toLowerCase() !== `http://${host}`.toLowerCase()) {
    return { reason: `a web page of ${origin}`, origin }
  }
  const site = headers['sec-fetch-site']
  if (site === 'cross-site' || site === 'same-site') return { reason: `a web page of another origin (${site})`, origin }
  return undefined
}

/** Whether a Host header names this machine. A web page can reach this server through a name of its own (DNS rebinding). */
export function isLoopbackName(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name)
}
