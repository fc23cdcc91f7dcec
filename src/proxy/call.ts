/**
 * The way of one call: gate, hold, forward, settle, respond. Everything that a customer pays for goes
 * through `openProxy().handle`, and every way out of it ends the hold that it took.
 */
import type { Config, Route } from '../config/config.ts'
import type { ServiceAddresses } from '../config/service-addresses.ts'
import type { Admitted, Gate } from '../gate/gate.ts'
import type { Refusal } from '../gate/refusal.ts'
import { rateHeaders, type WindowState, type Windows } from '../gate/windows/index.ts'
import { newRequestId } from '../ids.ts'
import type { Appender } from '../ledger/appender.ts'
import { type Answer, LedgerUnavailable } from '../ledger/items.ts'
import type { KeyRecord } from '../ledger/read.ts'
import { problemOf } from '../problem.ts'
import { type Forwarded, type ForwardFailure, failureOf, forward } from './forward.ts'
import type { FreeCalls } from './free-calls.ts'
import { towardsCaller } from './headers.ts'
import { charges, credits, holdQuantity, readsResponse, settleQuantity } from './price.ts'
import { heldBack, readStart } from './relay.ts'
import { type BodyRefusal, type CallBody, readRequestBody } from './request-body.ts'
import { routeTable } from './route-table.ts'
import { type OpenHold, release, settle } from './settlement.ts'

export interface ProxyDeps {
  readonly config: Config
  readonly addresses: Readonly<Record<string, ServiceAddresses>>
  readonly gate: Gate
  readonly windows: Windows
  readonly appenderOf: (shard: number) => Appender
  readonly freeCalls: FreeCalls
  /** Called once for each answered call. */
  readonly observe?: (call: CallSeen) => void
  readonly log?: (message: string, error?: unknown) => void
}

/** What metrics and logs see of a call. */
export interface CallSeen {
  readonly route: string
  readonly status: number
  readonly refusal?: Refusal['code']
  readonly requestId: string
  readonly latencyMs: number
}

export interface Proxy {
  /** Answers a call under /v1; `ip` is the client's address. Never throws. */
  handle(request: Request, ip: string): Promise<Response>
  /** Calls and streams under way. */
  readonly inFlight: number
  /** Resolves when nothing is under way, or after this long. */
  idle(withinMs: number): Promise<void>
}

/** An answer that has to be read to be priced may be this large. */
const mostMeteredBytes = 16 * 1024 * 1024

interface Call {
  readonly request: Request
  readonly requestId: string
  readonly route: Route
  readonly ip: string
  readonly startedAtMs: number
}

export function openProxy(deps: ProxyDeps): Proxy {
  const { config, gate, windows, appenderOf } = deps
  const find = routeTable(Object.values(config.routes))
  const flight = trackFlight()

  async function handle(request: Request, ip: string): Promise<Response> {
    const startedAtMs = performance.now()
    const requestId = newRequestId()
    const found = find(request)
    if (!found.ok) return problemOf(found.refusal, requestId)
    const call = { request, requestId, route: found.route, ip, startedAtMs }
    const done = flight.begin()
    let response: Response
    try {
      response = await answer(call, done)
    } catch (error) {
      response = refused(call, refusalOfError(error, call))
    }
    if (!streams.has(response)) done()
    const refusal = refusalCodes.get(response)
    deps.observe?.({
      route: call.route.id,
      status: response.status,
      requestId,
      latencyMs: performance.now() - startedAtMs,
      ...(refusal ? { refusal } : {}),
    })
    return response
  }

  async function answer(call: Call, done: () => void): Promise<Response> {
    const admission = await gate.admit(call.request, call.route, call.ip)
    if (!admission.ok) return refused(call, admission.refusal)
    const { admitted } = admission

    const body = await readRequestBody(call.request, call.route)
    if ('refusal' in body) return refused(call, bodyRefusal(body.refusal))

    const entry = await gate.enter(admitted, call.ip)
    if (!entry.ok) return refused(call, entry.refusal, entry.window)
    const { window, place } = entry

    if (admitted.price.per === 'free') return freeCall(call, admitted, body, window)

    let holding: Awaited<ReturnType<Gate['hold']>>
    try {
      holding = await gate.hold(admitted, {
        ...call,
        price: (rule) => {
          const quantity = holdQuantity(rule, body.facts)
          return { quantity, credits: credits(rule, quantity) }
        },
      })
    } catch (error) {
      await windows.giveBack(place)
      throw error
    }
    if (!holding.ok) {
      // A call refused for money gives its place back.
      await windows.giveBack(place)
      return refused(call, holding.refusal, window)
    }
    return pricedCall(call, holding, body, window, done)
  }

  async function pricedCall(
    call: Call,
    holding: Extract<Awaited<ReturnType<Gate['hold']>>, { ok: true }>,
    body: CallBody,
    window: WindowState,
    done: () => void,
  ): Promise<Response> {
    const { requestId, route, startedAtMs } = call
    const { key, price, answer: held } = holding
    const appender = appenderOf(key.shard)
    const endpoint = route.id
    const hold: OpenHold = { ...holding, requestId, endpoint, startedAtMs }
    const metered = readsResponse({ ...route, price })

    const failed = async (failure: ForwardFailure, status?: number) => {
      const released = await release(appender, hold, failure, status)
      const headers = { ...moneyHeaders(released ?? held, 0, released), ...rates(window) }
      return refused(call, upstreamRefusal(failure), undefined, headers)
    }

    const forwarded = await send(call, key, body, metered)
    if (!forwarded.ok) return failed(forwarded.failure, forwarded.status)
    const { response } = forwarded
    let start: Awaited<ReturnType<typeof readStart>>
    try {
      start = await readStart(response, metered ? mostMeteredBytes : config.limits.heldBackBytes)
    } catch (error) {
      return failed(failureOf(error), response.status)
    }

    const settled = (used: { credits: number; quantity: number }, cutBy?: 'client') =>
      settle(appender, hold, {
        ...used,
        status: response.status,
        ...(cutBy ? { cutBy } : {}),
      })

    if (start.kind === 'whole') {
      const { bytes } = start
      const headers = towardsCaller(response.headers)
      if (!response.ok) return passedOn(bytes, headers)
      let json: unknown
      if (metered) {
        try {
          json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
        } catch {
          return failed('upstream_failed', response.status)
        }
      }
      const facts = { json }
      if (!charges(route, facts)) {
        const released = await release(appender, hold, 'not_successful', response.status)
        return send2xx(bytes, headers, released ?? held, 0, released)
      }
      const quantity = settleQuantity(
        price,
        { request: body.facts, response: facts },
        hold.quantity,
      )
      const cost = credits(price, quantity)
      try {
        return send2xx(bytes, headers, await settled({ credits: cost, quantity }), cost)
      } catch (error) {
        // Whether it was charged is not known: free it if it was not, and never send the end.
        void release(appender, hold, 'settlement_failed', response.status)
        throw error
      }
    }

    if (metered || !response.ok) {
      await start.rest.cancel()
      deps.log?.(`${route.id}: the answer is too large to be metered`)
      return failed('upstream_failed', response.status)
    }
    return streamed(start)

    function send2xx(
      bytes: Uint8Array,
      headers: Headers,
      answer: Answer,
      charged: number,
      remaining: Answer | undefined = answer,
    ): Response {
      setAll(headers, { ...moneyHeaders(answer, charged, remaining), ...rates(window) })
      headers.set('x-request-id', requestId)
      return new Response(bytes as Uint8Array<ArrayBuffer>, { status: response.status, headers })
    }

    async function passedOn(bytes: Uint8Array, headers: Headers): Promise<Response> {
      const released = await release(appender, hold, 'refused_by_service', response.status)
      headers.set('x-error-source', 'upstream')
      return send2xx(bytes, headers, released ?? held, 0, released)
    }

    function streamed(longer: Extract<typeof start, { kind: 'longer' }>): Response {
      // Where nothing of the answer is read, the request fixed the price: what was held is the charge.
      const all = { credits: hold.credits, quantity: hold.quantity }
      const stream = heldBack(longer, {
        async atEnd() {
          await settled(all)
          done()
        },
        async atFailure(error) {
          deps.log?.(`${route.id}: the answer broke off`, error)
          await release(appender, hold, 'broke_off', response.status)
          done()
        },
        async atCancel() {
          await settled(all, 'client').catch((error) =>
            deps.log?.('a charge could not be written; its hold will expire', error),
          )
          done()
        },
      })
      const headers = towardsCaller(response.headers)
      setAll(headers, { ...moneyHeaders(held, hold.credits, held), ...rates(window) })
      headers.set('x-request-id', requestId)
      const relayed = new Response(stream, { status: response.status, headers })
      streams.add(relayed)
      return relayed
    }
  }

  async function freeCall(
    call: Call,
    { key }: Admitted,
    body: CallBody,
    window: WindowState,
  ): Promise<Response> {
    const { route, requestId, startedAtMs } = call
    const count = (failed: boolean) =>
      deps.freeCalls.count(key, route.id, performance.now() - startedAtMs, failed)
    if (route.target.kind === 'answer') {
      count(false)
      return Response.json(route.target.json, {
        headers: { ...rates(window), 'x-request-id': requestId },
      })
    }
    const forwarded = await send(call, key, body, false)
    count(!forwarded.ok || !forwarded.response.ok)
    if (!forwarded.ok) return refused(call, upstreamRefusal(forwarded.failure), window)
    const { response } = forwarded
    const headers = towardsCaller(response.headers)
    setAll(headers, { ...rates(window), 'x-request-id': requestId })
    if (!response.ok) headers.set('x-error-source', 'upstream')
    return new Response(response.body, { status: response.status, headers })
  }

  function send(
    { request, requestId, route }: Call,
    key: KeyRecord,
    body: CallBody,
    plain: boolean,
  ): Promise<Forwarded> {
    const service = route.target.kind === 'service' ? route.target.service : ''
    const address = deps.addresses[service]?.[key.mode]
    if (!address) return Promise.resolve({ ok: false, failure: 'upstream_unreachable' })
    const baseUrl = address.url
    return forward({ request, requestId, route, baseUrl, body: body.forward, plain })
  }

  function refusalOfError(error: unknown, { route }: Call): Refusal {
    if (error instanceof LedgerUnavailable) {
      deps.log?.(`${route.id}: the ledger cannot be reached`, error)
      return ledgerUnavailable
    }
    deps.log?.(`${route.id}: failed`, error)
    return { code: 'internal', detail: 'The gateway failed; the call was not charged.' }
  }

  return {
    handle,
    get inFlight() {
      return flight.count
    },
    idle: flight.idle,
  }
}

/** Answers whose body is still being relayed: the call ends with the body. */
const streams = new WeakSet<Response>()
const refusalCodes = new WeakMap<Response, Refusal['code']>()

function refused(
  { requestId, route }: Call,
  refusal: Refusal,
  window?: WindowState,
  headers: Record<string, string> = {},
): Response {
  const limited = refusal.code === 'rate_limited'
  const response = problemOf(
    {
      ...refusal,
      headers: {
        ...(route.price.per === 'free' ? {} : { 'X-Credits-Charged': '0' }),
        ...(window ? rateHeaders(window, Date.now(), limited) : {}),
        ...refusal.headers,
        ...headers,
      },
    },
    requestId,
  )
  refusalCodes.set(response, refusal.code)
  return response
}

function rates(window: WindowState): Record<string, string> {
  return rateHeaders(window, Date.now(), false)
}

/** What the call cost, what is left, and where it stands in the book. */
function moneyHeaders(
  answer: Answer,
  charged: number,
  remaining: Answer | undefined,
): Record<string, string> {
  return {
    'X-Credits-Charged': String(charged),
    ...(remaining ? { 'X-Credits-Remaining': String(remaining.available) } : {}),
    'X-Ledger-Position': `${answer.shard}-${answer.position}`,
  }
}

function setAll(headers: Headers, values: Readonly<Record<string, string>>): void {
  for (const name in values) headers.set(name, values[name] as string)
}

const ledgerUnavailable: Refusal = {
  code: 'ledger_unavailable',
  detail: 'The ledger cannot be reached, so nothing can be sold just now; the call was not made.',
  headers: { 'Retry-After': '5' },
}

function upstreamRefusal(failure: ForwardFailure): Refusal {
  switch (failure) {
    case 'upstream_unreachable':
      return { code: failure, detail: 'The service cannot be reached. You were not charged.' }
    case 'upstream_timeout':
      return { code: failure, detail: 'The service took too long. You were not charged.' }
    case 'upstream_busy':
      return {
        code: failure,
        detail: 'The service is busy. You were not charged.',
        headers: { 'Retry-After': '5' },
      }
    case 'upstream_failed':
      return { code: failure, detail: 'The service failed. You were not charged.' }
    default:
      return failure satisfies never
  }
}

function bodyRefusal({ status, errors }: BodyRefusal): Refusal {
  const code = (
    { 400: 'invalid_request', 413: 'body_too_large', 415: 'unsupported_media_type' } as const
  )[status]
  const detail = errors[0]?.detail ?? 'The body is not valid.'
  return { code, detail, extensions: { errors } }
}

/** Counts what is under way, so that a gateway can end without cutting anybody off. */
function trackFlight() {
  let count = 0
  const waiting: (() => void)[] = []
  return {
    get count() {
      return count
    },
    begin(): () => void {
      count++
      let ended = false
      return () => {
        if (ended) return
        ended = true
        count--
        if (count === 0) for (const resolve of waiting.splice(0)) resolve()
      }
    },
    async idle(withinMs: number): Promise<void> {
      if (count === 0) return
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      const timer = setTimeout(resolve, withinMs)
      await promise
      clearTimeout(timer)
    },
  }
}
