import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import type { Call } from '../call.ts'
import type { CallBody } from '../request/request-body.ts'
import { type Forwarded, forward } from './forward.ts'
import { UpstreamClock } from './upstream-clock.ts'
import type { Upstreams } from './upstreams.ts'

/**
 * Forwards a call to its route's upstream, the one for live or for test keys. A route with a fixed response has none.
 * @param key whose call it is
 * @param isRead the gateway reads the response, so it must not come compressed
 */
export async function forwardCall(
  upstreams: Upstreams,
  call: Call,
  body: CallBody,
  key: KeyRecord,
  isRead: boolean,
): Promise<Forwarded> {
  const { request, requestId, route } = call
  const { target } = route
  if (target.kind === 'fixed') {
    const clock = new UpstreamClock(route.timeoutMs)
    return { ok: true, response: Response.json(target.json), clock }
  }
  const upstream = upstreams[target.service]?.[key.mode]
  if (!upstream) return { ok: false, failure: 'upstream_unreachable' }
  const sentAtMs = performance.now()
  const forwarded = await forward({
    ...{ request, requestId, route, upstream, key, isRead },
    upstreamPath: call.target.upstreamPath,
    body: body.forward,
  })
  call.upstreamMs += performance.now() - sentAtMs
  return forwarded
}
