/** What pages of other origins may send and read, where an origin is configured (CORS, the Fetch standard). */
import { cors } from '@elysiajs/cors'
import { Elysia } from 'elysia'
import type { Config } from '../config/config.ts'

/**
 * Without a configured origin there is no plugin: its hook would cost every call.
 * @param origins whose pages may call; `*` means all of them
 * @param more headers that these pages may send, beside the gateway's own and those of providers' clients
 */
export function crossOrigin(
  origins: readonly string[],
  more: readonly string[],
  { keyHeaders, routes }: Pick<Config, 'keyHeaders' | 'routes'>,
): Elysia {
  if (origins.length === 0) return new Elysia()
  const ofProviders = Object.values(routes).flatMap(
    ({ provider }) => provider?.browserHeaders ?? [],
  )
  const isAllowed = headerFilter([...ownHeaders, ...keyHeaders, ...ofProviders, ...more])
  return new Elysia()
    .onRequest(({ set, request }) => {
      const asked = request.headers.get('access-control-request-headers')
      if (request.method !== 'OPTIONS' || asked === null) return
      // How clients name their headers cannot be listed beforehand, so what a page asks for is filtered.
      const allowed = asked
        .split(',')
        .map((name) => name.trim())
        .filter(isAllowed)
      set.headers['access-control-allow-headers'] = allowed.join(', ')
    })
    .use(
      cors({
        origin: origins.includes('*') ? true : [...origins],
        methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
        allowedHeaders: ownHeaders,
        exposeHeaders: exposedHeaders,
        // Keys and tokens are sent in headers, so no page needs a visitor's cookies.
        credentials: false,
      }),
    )
}

/** @param patterns names of headers, or how they begin, followed by `*` */
function headerFilter(patterns: readonly string[]): (name: string) => boolean {
  const lower = patterns.map((pattern) => pattern.toLowerCase())
  const names = new Set(lower.filter((pattern) => !pattern.endsWith('*')))
  const beginnings = lower.filter((pattern) => pattern.endsWith('*')).map((one) => one.slice(0, -1))
  return (given) => {
    const name = given.toLowerCase()
    return names.has(name) || beginnings.some((beginning) => name.startsWith(beginning))
  }
}

const ownHeaders = [
  ...['Authorization', 'Content-Type', 'Idempotency-Key', 'X-API-Key'],
  // With which a page may ask for a part, or for what has changed.
  ...['If-Match', 'If-Modified-Since', 'If-None-Match', 'If-Range', 'If-Unmodified-Since', 'Range'],
]

/** The headers of a response that a page of another origin may read. */
const exposedHeaders = [
  'Content-Range',
  'ETag',
  'Idempotent-Replayed',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'X-Credits-Charged',
  'X-Credits-Remaining',
  'X-Error-Source',
  'X-Ledger-Position',
  'X-RateLimit-Degraded',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'X-Request-Id',
  'X-Should-Retry',
]
