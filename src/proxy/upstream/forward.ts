/**
 * One request to an upstream. Only this file talks to upstreams: to exactly the configured address and
 * path, following no redirect, decoding nothing, and for no longer than the route allows.
 */
import type { Route } from '../../config/config.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { isPassedOn } from '../../pricing/charge-condition.ts'
import type { RefusalCode } from '../../problems/refusal.ts'
import type { ForwardedBody } from '../request/request-body.ts'
import { retryAfter } from './retry-after.ts'
import { UpstreamClock } from './upstream-clock.ts'
import type { Upstream } from './upstreams.ts'

interface ForwardedCall {
  readonly request: Request
  readonly requestId: string
  readonly route: Route
  readonly upstream: Upstream
  /** Whose call it is. */
  readonly key: KeyRecord
  /** What is appended to the upstream's address: path and query, with a slash before them. */
  readonly upstreamPath: string
  readonly body: ForwardedBody | undefined
  /** The gateway reads the response, so it must not come compressed. */
  readonly isRead: boolean
}

/** How forwarding can fail. The call is then not charged. */
export type ForwardFailure = Extract<
  RefusalCode,
  'upstream_unreachable' | 'upstream_failed' | 'upstream_timeout' | 'upstream_busy'
>

export type Forwarded =
  | { readonly ok: true; readonly response: Response; readonly clock: UpstreamClock }
  | {
      readonly ok: false
      readonly failure: ForwardFailure
      readonly status?: number
      /** As a busy upstream says. */
      readonly retryAfterSeconds?: number
    }

/**
 * `ok` holds for what reaches the client (`isPassedOn`), charged or not. Whoever gets such a response stops its clock when
 * the response is over.
 */
export async function forward(call: ForwardedCall): Promise<Forwarded> {
  const clock = new UpstreamClock(call.route.timeoutMs)
  const forwarded = await send(call, clock)
  if (!forwarded.ok) clock.stop()
  return forwarded
}

async function send(call: ForwardedCall, clock: UpstreamClock): Promise<Forwarded> {
  const { upstream, request, body } = call
  const { method } = request
  const isConditional = call.route.conditional === true
  const stream = body && 'stream' in body ? body.stream : undefined
  const init = {
    method,
    headers: upstream.headers.of(request.headers, {
      ...{ requestId: call.requestId, key: call.key, isRead: call.isRead },
      isConditional,
      ...(body?.contentType !== undefined && { contentType: body.contentType }),
      ...(stream && { contentLength: stream.length }),
      ...(body?.isRewritten && { isRewritten: true }),
      ...(isSentAgain(method) && { isLast: true }),
    }),
    ...(body && 'bytes' in body && { body: body.bytes as Uint8Array<ArrayBuffer> }),
    ...(body && 'text' in body && { body: body.text }),
    redirect: 'manual',
    decompress: false,
    signal: clock.signal,
    // Without it fetch gives up after five minutes, whatever the route allows.
    timeout: false,
    ...(isSentAgain(method) && { keepalive: false }),
  } as BunFetchRequestInit
  let response: Response | undefined
  let failure: ForwardFailure = 'upstream_unreachable'
  for (const baseUrl of upstream.urls) {
    try {
      const attempt = stream ? { ...init, body: stream.open(clock) } : init
      response = await fetch(upstream.query.addTo(targetOf(call, baseUrl)), attempt)
      break
    } catch (error) {
      failure = failureOf(error)
      if (!isRefused(error)) break
    }
  }
  if (!response) return { ok: false, failure }
  const { status } = response
  if (isPassedOn(status, call.route)) return { ok: true, response, clock }
  // A client must not mistake the upstream's refusal of the gateway for the gateway's refusal of the client.
  response.body?.cancel().catch(() => {})
  if (status !== 429 && status !== 503) return { ok: false, failure: 'upstream_failed', status }
  const seconds = retryAfter(response.headers.get('retry-after'), Date.now())
  const failed = { ok: false, failure: 'upstream_busy', status } as const
  return seconds === undefined ? failed : { ...failed, retryAfterSeconds: seconds }
}

/** What went wrong, from what fetch or a body's stream threw. */
export function failureOf(error: unknown): ForwardFailure {
  if (error instanceof Error && error.name === 'TimeoutError') return 'upstream_timeout'
  const code = (error as { code?: string }).code
  const notReached = ['ConnectionRefused', 'ECONNREFUSED', 'FailedToOpenSocket', 'ENOTFOUND']
  return code && notReached.includes(code) ? 'upstream_unreachable' : 'upstream_failed'
}

/** Nobody listens there, so nothing was sent. */
function isRefused(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code === 'ConnectionRefused' || code === 'ECONNREFUSED'
}

/**
 * Whether fetch would send such a request again, when the connection that it kept from an earlier one is reset: an
 * upstream may have executed it by then. Each of these gets a connection of its own.
 */
function isSentAgain(method: string): boolean {
  return method !== 'POST' && method !== 'PATCH'
}

/** The upstream's address is the configuration's, and what a client chose stands behind its first slash. */
function targetOf({ route, upstreamPath }: ForwardedCall, baseUrl: string): string {
  if (!isAddress(baseUrl) || !upstreamPath.startsWith('/')) {
    throw new TypeError(`${route.id}: the path leaves the upstream`)
  }
  return baseUrl + upstreamPath
}

/** The addresses that end where a path can begin, so that whatever is appended stays there. */
const addresses = new Set<string>()

/** The configuration says so of every address. Should it ever be wrong, nothing is sent. */
function isAddress(baseUrl: string): boolean {
  if (addresses.has(baseUrl)) return true
  const { origin, search, hash } = new URL(`${baseUrl}/`)
  const isOne = origin === new URL(baseUrl).origin && search === '' && hash === ''
  if (isOne) addresses.add(baseUrl)
  return isOne
}
