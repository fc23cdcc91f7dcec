/** A customer's program: it sends a call to a gateway and reads the response as it comes. */

import type { Gateway } from './gateway.ts'
import type { CallAction } from './plan.ts'
import type { CallRecord } from './records.ts'
import type { Process, Scheduler } from './scheduler.ts'
import type { Note } from './trace.ts'
import type { Instruction } from './upstream.ts'

interface Connection {
  readonly scheduler: Scheduler
  readonly process: Process
  readonly gateway: Gateway
  readonly note: Note
}

export function requestOf(action: CallAction, key: string): Request {
  const instruction: Instruction = {
    ms: action.upstreamMs,
    outcome: action.outcome,
    tokens: action.tokens,
    stream: action.route === 'chat',
  }
  const body = JSON.stringify(instruction)
  return new Request(`http://gateway/v1/${action.route}`, {
    method: 'POST',
    headers: {
      ...{ 'x-api-key': key, 'content-type': 'application/json' },
      'content-length': String(body.length),
      ...(action.claim === undefined ? {} : { 'idempotency-key': `claim-${action.claim}` }),
    },
    body,
  })
}

/** Runs in the gateway's process, where its server would. */
export function serveCall(connection: Connection, request: Request, call: CallRecord): void {
  const { scheduler, process, gateway } = connection
  void gateway.handle(request).then((response) => {
    call.requestId = response.headers.get('x-request-id') ?? ''
    // The server writes in a later turn of the event loop; whatever stops the process can come before.
    scheduler.after(0.125, () => void write(connection, response, call), process)
  })
}

async function write({ scheduler, note }: Connection, response: Response, call: CallRecord) {
  const { status } = response
  call.status = status
  const reader = response.body?.getReader()
  try {
    let text = ''
    for (;;) {
      if (call.hasLeft) {
        await reader?.cancel()
        call.endedMs = scheduler.nowMs
        return
      }
      const { done = true, value } = (await reader?.read()) ?? {}
      if (done) break
      text += new TextDecoder().decode(value)
    }
    call.endedMs = scheduler.nowMs
    const isCut = text.includes('event: error')
    if (status === 200 && !isCut) call.deliveredMs = scheduler.nowMs
    else call.code = /"code":\s*"(\w+)"/.exec(text)?.[1] ?? 'unknown'
    if (response.headers.get('x-credits-charged') === '0') call.isReplay = true
    note(() => `call ${call.nth} has got ${status} ${call.code ?? 'whole'}`)
  } catch {
    call.endedMs = scheduler.nowMs
    note(() => `call ${call.nth} broke off`)
  }
}
