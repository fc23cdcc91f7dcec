/** Reads the body of a call, checks it as its route says, and makes what the upstream gets of it. */
import type { Route } from '../../config/config.ts'
import type { BodyLimits } from '../../lib/http-body.ts'
import { meetsCondition } from '../../pricing/condition.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'
import { readJsonBody } from './json-body.ts'
import { mapBody, mergeOver } from './map-body.ts'
import { readMultipartBody } from './multipart-body.ts'
import type { Refused } from './take-body.ts'

export interface CallBody {
  /** As the client sent it: an Idempotency-Key is bound to it. Empty for a route that takes no body. */
  readonly bytes: Uint8Array
  /** What the upstream gets; absent for a route that takes no body. */
  readonly forward?: { readonly bytes: Uint8Array; readonly contentType: string }
  readonly content: RequestContent
}

/**
 * Reads the body that the route takes, at most `route.maxBodyBytes` of it.
 *
 * @param limits of its time, and of the memory for it
 */
export async function readRequestBody(
  request: Request,
  route: Route,
  { maxSeconds, take }: Omit<BodyLimits, 'maxBytes'>,
): Promise<CallBody | Refused> {
  if (route.request === undefined) return { bytes: new Uint8Array(), content: {} }
  const limits = { maxBytes: route.maxBodyBytes, maxSeconds, ...(take && { take }) }
  if ('multipart' in route.request) {
    const body = await readMultipartBody(request, route, limits)
    if ('refusal' in body) return body
    const { bytes, contentType, audio } = body
    return { bytes, forward: { bytes, contentType }, content: { audio } }
  }
  const body = await readJsonBody(request, route, limits)
  if ('refusal' in body) return body
  const { bytes, json } = body
  const streams = route.streams !== undefined && meetsCondition(json, route.streams.when)
  const forUpstream = upstreamBody(json, route, streams)
  const sent = forUpstream === json ? bytes : new TextEncoder().encode(JSON.stringify(forUpstream))
  const forward = { bytes: sent, contentType: 'application/json' }
  return { bytes, forward, content: { json, bytes: bytes.length, ...(streams && { streams }) } }
}

/** The body for the upstream: the client's own where the route changes nothing in it. */
function upstreamBody(json: unknown, { map, streams: rule }: Route, streams: boolean): unknown {
  const mapped = map ? mapBody(json, map) : json
  return streams && rule?.send ? mergeOver(mapped, rule.send) : mapped
}
