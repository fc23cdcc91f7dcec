/**
 * Which headers cross the gateway. Connection-level headers end here (RFC 9110 §7.6.1), the client's key and
 * cookies never reach an upstream, and neither side can set what the gateway sets.
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
  // A call buys the whole response, each time.
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

const notFromUpstreams = new Set([
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

const prefixesNotFromUpstreams = ['x-credits-', 'x-ledger-', 'x-ratelimit-', 'access-control-']

const endsFromClients = endsHere(notFromClients, prefixesNotFromClients)
const endsFromUpstreams = endsHere(notFromUpstreams, prefixesNotFromUpstreams)

/** Headers for the upstream: the client's, less what ends here, with the call's id. */
export function headersForUpstream(
  clients: Headers,
  { requestId, contentType, isRead }: { requestId: string; contentType?: string; isRead: boolean },
): Headers {
  const headers = crossing(clients, endsFromClients)
  headers.set('x-request-id', requestId)
  if (contentType !== undefined) headers.set('content-type', contentType)
  // A response that is only passed on may come compressed.
  if (isRead) headers.set('accept-encoding', 'identity')
  return headers
}

/** Headers for the client: the upstream's, less what ends here. */
export function headersForClient(upstreams: Headers): Headers {
  return crossing(upstreams, endsFromUpstreams)
}

function crossing(headers: Headers, ends: (name: string) => boolean): Headers {
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

/** Names that are remembered of each side. Calls bring the same ones again and again, except hostile ones. */
const maxKnownNames = 200

function endsHere(dropped: ReadonlySet<string>, prefixes: readonly string[]) {
  const known = new Map<string, boolean>()
  return (name: string): boolean => {
    const decided = known.get(name)
    if (decided !== undefined) return decided
    // To servers that hand headers on as variables, X_Request_Id and X-Request-Id are the same.
    const meant = name.replaceAll('_', '-')
    const ends = dropped.has(meant) || prefixes.some((prefix) => meant.startsWith(prefix))
    if (known.size < maxKnownNames) known.set(name, ends)
    return ends
  }
}
