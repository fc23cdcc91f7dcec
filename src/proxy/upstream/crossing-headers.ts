/**
 * What crosses the gateway and what does not: connection-level headers end here (RFC 9110 §7.6.1), the
 * client's key and cookies never reach a service, and neither side can set what the gateway sets.
 */

const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

const notFromClients = new Set([
  ...hopByHop,
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'expect',
  'authorization',
  'x-api-key',
  'cookie',
  'forwarded',
  'via',
  'x-real-ip',
  'x-request-id',
  'idempotency-key',
  // What is sold is the whole answer, each time.
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  // With these some servers take another method or path than the one that was priced.
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
])

const prefixesNotFromClients = ['x-forwarded-', 'x-credits-', 'x-ledger-', 'x-ratelimit-']

const notFromServices = new Set([
  ...hopByHop,
  'content-length',
  'x-request-id',
  'x-error-source',
  'ratelimit',
  'ratelimit-policy',
  'set-cookie',
  // Would send the client past the gateway.
  'alt-svc',
])

const prefixesNotFromServices = ['x-credits-', 'x-ledger-', 'x-ratelimit-', 'access-control-']

const endsFromClients = endsHere(notFromClients, prefixesNotFromClients)
const endsFromServices = endsHere(notFromServices, prefixesNotFromServices)

/** Headers for the service: the client's, less what ends here, with the call's id. */
export function towardsService(
  clients: Headers,
  { requestId, contentType, plain }: { requestId: string; contentType?: string; plain: boolean },
): Headers {
  const headers = kept(clients, endsFromClients)
  headers.set('x-request-id', requestId)
  if (contentType !== undefined) headers.set('content-type', contentType)
  // An answer that is metered has to be read; one that is only passed on may come compressed.
  if (plain) headers.set('accept-encoding', 'identity')
  return headers
}

/** Headers for the client: the service's, less what ends here. */
export function forClient(services: Headers): Headers {
  return kept(services, endsFromServices)
}

function kept(headers: Headers, ends: (name: string) => boolean): Headers {
  const named = headers
    .get('connection')
    ?.toLowerCase()
    .split(/\s*,\s*/)
  const result = new Headers(headers)
  for (const name of headers.keys()) {
    if (ends(name) || named?.includes(name)) result.delete(name)
  }
  return result
}

/** Names that are remembered of each side: a call brings the same ones as the last, unless it means harm. */
const maxKnown = 200

function endsHere(dropped: ReadonlySet<string>, prefixes: readonly string[]) {
  const cachedWithFallback = new Map<string, boolean>()
  return (name: string): boolean => {
    const known = cachedWithFallback.get(name)
    if (known !== undefined) return known
    // To servers that hand headers on as variables, X_Request_Id and X-Request-Id are one.
    const meant = name.replaceAll('_', '-')
    const ends = dropped.has(meant) || prefixes.some((prefix) => meant.startsWith(prefix))
    if (cachedWithFallback.size < maxKnown) cachedWithFallback.set(name, ends)
    return ends
  }
}
