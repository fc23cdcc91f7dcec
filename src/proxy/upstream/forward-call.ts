import type { UpstreamAddresses } from '../../config/upstream-addresses.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import type { Call } from '../call.ts'
import type { CallBody } from '../request/request-body.ts'
import { type Forwarded, forward } from './forward.ts'
import { UpstreamClock } from './upstream-clock.ts'

/** By the name of the upstream. */
export type Addresses = Readonly<Record<string, UpstreamAddresses>>

/**
 * Forwards a call to its route's upstream, the one for live or for test keys. A route with a fixed response has none.
 * @param isRead the gateway reads the response, so it must not come compressed
 */
export async function forwardCall(
  addresses: Addresses,
  call: Call,
  body: CallBody,
  mode: KeyRecord['mode'],
  isRead: boolean,
): Promise<Forwarded> {
  const { request, requestId, route } = call
  const { target } = route
  if (target.kind === 'fixed') {
    const clock = new UpstreamClock(route.timeoutMs)
    return { ok: true, response: Response.json(target.json), clock }
  }
  const address = addresses[target.service]?.[mode]
  if (!address) return { ok: false, failure: 'upstream_unreachable' }
  const baseUrl = address.url
  const sentAtMs = performance.now()
  const forwarded = await forward({
    request,
    requestId,
    route,
    baseUrl,
    body: body.forward,
    isRead,
  })
  call.upstreamMs += performance.now() - sentAtMs
  return forwarded
}
