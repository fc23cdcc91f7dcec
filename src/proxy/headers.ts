/**
 * What crosses the gateway and what does not: connection-level headers end here (RFC 9110 §7.6.1), the
 * caller's key and cookies never reach a service, and neither side can set what the gateway sets.
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

const notFromCallers = new Set([
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
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
  'idempotency-key',
])

const notFromServices = new Set([
  ...hopByHop,
  'content-length',
  'x-request-id',
  'x-credits-charged',
  'x-credits-remaining',
  'x-ledger-position',
  'x-error-source',
  'ratelimit',
  'ratelimit-policy',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'set-cookie',
])

/** Headers for the service: the caller's, less what ends here, with the call's id. */
export function towardsService(
  callers: Headers,
  { requestId, contentType, plain }: { requestId: string; contentType?: string; plain: boolean },
): Headers {
  const headers = kept(callers, notFromCallers)
  headers.set('x-request-id', requestId)
  if (contentType !== undefined) headers.set('content-type', contentType)
  // An answer that is metered has to be read; one that is only passed on may come compressed.
  if (plain) headers.set('accept-encoding', 'identity')
  return headers
}

/** Headers for the caller: the service's, less what ends here. */
export function towardsCaller(services: Headers): Headers {
  return kept(services, notFromServices)
}

function kept(headers: Headers, dropped: ReadonlySet<string>): Headers {
  const named =
    headers
      .get('connection')
      ?.toLowerCase()
      .split(/\s*,\s*/) ?? []
  const result = new Headers()
  headers.forEach((value, name) => {
    if (!dropped.has(name) && !named.includes(name)) result.append(name, value)
  })
  return result
}
