/** A call of price 0, once it is let in: answered or forwarded, and counted instead of held. */
import type { SeenWindow } from '../../gate/gate.ts'
import { forClient } from '../upstream/crossing-headers.ts'
import { type Forwarded, type ForwardFailure, failureOf } from '../upstream/forward.ts'
import { type Answered, type Call, callHeaders, refused, upstreamRefusal } from './responses.ts'
import { readBeginning, type Start, withholdTail } from './withhold-tail.ts'

export interface FreeCallDeps {
  readonly maxBufferedBytes: number
  readonly send: () => Promise<Forwarded>
  /** Called once, when it is known whether the call failed. */
  readonly count: (failed: boolean) => void
  readonly log: (message: string, error?: unknown) => void
}

export async function freeCall(
  call: Call,
  window: SeenWindow,
  { maxBufferedBytes, send, count, log }: FreeCallDeps,
): Promise<Answered> {
  const { route, requestId } = call
  if (route.target.kind === 'fixed') {
    count(false)
    const headers = callHeaders(new Headers(), call, window)
    return { response: Response.json(route.target.json, { headers }) }
  }
  const forwarded = await send()
  if (!forwarded.ok) return fail(forwarded.failure)
  const { status } = forwarded.response
  let start: Start
  try {
    start = await readBeginning(forwarded.response, maxBufferedBytes)
  } catch (error) {
    return fail(failureOf(error))
  }
  count(!forwarded.response.ok)
  const headers = callHeaders(forClient(forwarded.response.headers), call, window)
  if (!forwarded.response.ok) headers.set('X-Error-Source', 'upstream')
  if (start.kind === 'whole') {
    const bytes = start.bytes as Uint8Array<ArrayBuffer>
    return { response: new Response(bytes, { status, headers }) }
  }
  const { promise: relayed, resolve } = Promise.withResolvers<void>()
  const end = async () => resolve()
  const body = withholdTail(start, {
    atEnd: end,
    async atFailure(error) {
      log(`${route.id} ${requestId}: the answer broke off`, error)
      resolve()
    },
    atCancel: end,
  })
  return { response: new Response(body, { status, headers }), relayed }

  function fail(failure: ForwardFailure): Answered {
    count(true)
    return refused(call, upstreamRefusal(failure), window)
  }
}
