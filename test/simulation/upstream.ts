/** The upstream of simulated gateways: it does what the body of a request says. */
import type { Scheduler } from './scheduler.ts'

/** What a client sends, and the upstream obeys. */
export interface Instruction {
  readonly ms: number
  readonly outcome: 'ok' | 'fails' | 'breaks-off'
  readonly tokens: number
  /** The response comes event by event. */
  readonly stream: boolean
}

const encoder = new TextEncoder()

/** Responds in the process that asks. */
export function upstream(scheduler: Scheduler) {
  return (_url: string, { body }: RequestInit): Promise<Response> => {
    const text = typeof body === 'string' ? body : new TextDecoder().decode(body as Uint8Array)
    const instruction: Instruction = JSON.parse(text)
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    scheduler.after(instruction.ms, () => {
      if (instruction.outcome === 'ok' || instruction.stream)
        resolve(responseTo(scheduler, instruction))
      else if (instruction.outcome === 'fails') resolve(new Response('{}', { status: 500 }))
      else reject(Object.assign(new Error('simulated reset'), { code: 'ECONNRESET' }))
    })
    return promise
  }
}

function responseTo(scheduler: Scheduler, { stream, ms, outcome, tokens }: Instruction): Response {
  if (!stream) return Response.json({ said: true })
  let left = tokens
  let isCancelled = false
  const next = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    if (isCancelled) return
    if (left-- > 0) return controller.enqueue(encoder.encode('data: {"text":"x"}\n\n'))
    if (outcome !== 'ok') return controller.error(new Error('simulated reset'))
    controller.enqueue(encoder.encode(`data: {"usage":{"total_tokens":${tokens + 1}}}\n\n`))
    controller.close()
  }
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { promise, resolve } = Promise.withResolvers<void>()
      scheduler.after(ms / 8, () => resolve(next(controller)))
      return promise
    },
    cancel() {
      isCancelled = true
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}
