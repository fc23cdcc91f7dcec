/**
 * The upstreams behind the gateways, all in one, with a record of their own: what was asked of them, under which
 * request id, and how it ended. A bill is held against this ledger, which the gateways cannot write.
 */
import { done, tokens, usage } from '../support/chat.ts'
import { callIn } from './calls.ts'
import { type Random, seeded } from './random.ts'

export interface Execution {
  readonly requestId: string
  /** The name that the client gave its call, where the upstream receives it. */
  readonly callId: string | undefined
  readonly path: string
  readonly receivedAtMs: number
  /** undefined while it runs; `refused`: the upstream said itself that it did not do it. */
  outcome: 'responded' | 'refused' | 'failed' | 'left' | undefined
}

/** How the upstreams behave; `well` is quick and whole. */
export type Mood = 'well' | 'slow' | 'failing' | 'dying'

export interface FaultUpstream {
  readonly url: string
  /** Everything that was asked, in order. */
  readonly executions: readonly Execution[]
  /** Forgets what was asked after the first so many: calls of which no other record is kept. */
  forgetAfter(count: number): void
  readonly running: number
  /** Of some of the calls; the others go well. */
  mood: Mood
  /** Called when a request is there; the promise that it returns is awaited before the response begins. */
  received: (execution: Execution) => Promise<void> | void
  /** Takes no connections, as if it were not there, until it does again. */
  refuse(): Promise<void>
  accept(): void
  stop(): Promise<void>
}

/** Longer than any route allows (see settings.ts). */
const tooLongMs = 2_600

export function startFaultUpstream(seed: number): FaultUpstream {
  const random = seeded(seed)
  const executions: Execution[] = []
  let running = 0
  let server = serve(0)
  const { port } = server

  function serve(port: number) {
    return Bun.serve({ port, hostname: '127.0.0.1', idleTimeout: 60, fetch: execute })
  }

  async function execute(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname
    const body = Buffer.from(await request.arrayBuffer())
    const execution: Execution = {
      requestId: request.headers.get('x-request-id') ?? '',
      callId: callIn(body.toString('latin1')),
      path,
      receivedAtMs: performance.now(),
      outcome: undefined,
    }
    executions.push(execution)
    running++
    const end = (outcome: Execution['outcome']) => {
      if (execution.outcome === undefined) running--
      execution.outcome ??= outcome
    }
    request.signal.addEventListener('abort', () => end('left'))
    await upstream.received(execution)
    await Bun.sleep(random.int(0, 12))
    return behave(path, body, end)
  }

  async function behave(
    path: string,
    body: Buffer,
    end: (outcome: Execution['outcome']) => void,
  ): Promise<Response> {
    const mood = random.chance(0.6) ? upstream.mood : 'well'
    if (mood === 'slow') await Bun.sleep(tooLongMs)
    if (mood === 'failing') {
      end('refused')
      return new Response('no', { status: random.pick([400, 401, 404, 429, 500, 503]) })
    }
    const whole = respond(path, body, random)
    if (mood === 'dying') return breaking(whole, end, random)
    return ending(whole, end)
  }

  const upstream: FaultUpstream = {
    url: `http://127.0.0.1:${port}`,
    executions,
    forgetAfter(count) {
      executions.length = count
    },
    get running() {
      return running
    },
    mood: 'well',
    received() {},
    refuse: () => server.stop(true),
    accept() {
      server = serve(Number(port))
    },
    stop: () => server.stop(true),
  }
  return upstream
}

interface UpstreamResponse {
  readonly type: string
  readonly pieces: readonly (string | Uint8Array)[]
}

const notRead = JSON.stringify({ success: false })

/** What each upstream responds, by its path. */
function respond(path: string, body: Buffer, random: Random): UpstreamResponse {
  switch (path) {
    case '/api/v1/extract':
      return random.chance(0.8)
        ? json({ success: true })
        : { type: 'application/json', pieces: [notRead] }
    case '/api/v1/extract/bulk': {
      const { urls } = JSON.parse(body.toString()) as { urls: string[] }
      const results = urls.map((url) => ({ url, success: random.chance(0.7) }))
      return json({ results, meta: {} })
    }
    case '/transcribe':
      return json({ text: 'a word', duration_seconds: 1 })
    case '/synthesize/auto': {
      if (body.includes('at great length')) {
        return { type: 'audio/mpeg', pieces: Array(24).fill(new Uint8Array(500_000)) }
      }
      const long = body.includes('at length')
      return { type: 'audio/mpeg', pieces: Array(long ? 8 : 1).fill(new Uint8Array(24_000)) }
    }
    case '/v1/chat/completions': {
      const count = random.int(1, 40)
      const pieces = Array.from({ length: count }, () => tokens(1))
      // A token for each that was sent, and one for the question.
      return { type: 'text/event-stream', pieces: [...pieces, usage(count + 1), done] }
    }
    default:
      return json({ results: [], meta: {} })
  }
}

function json(value: unknown): UpstreamResponse {
  return { type: 'application/json', pieces: [JSON.stringify(value)] }
}

function ending(
  { type, pieces }: UpstreamResponse,
  end: (outcome: 'responded' | 'refused' | 'left') => void,
): Response {
  const headers = { 'Content-Type': type }
  if (pieces.length === 1) {
    // A page that could not be read costs nothing, and may be asked for again.
    end(pieces[0] === notRead ? 'refused' : 'responded')
    return new Response(pieces[0] as BodyInit, { headers })
  }
  let at = 0
  const body = new ReadableStream({
    async pull(controller) {
      await Bun.sleep(3)
      const piece = pieces[at++]
      if (piece !== undefined) return controller.enqueue(piece)
      end('responded')
      controller.close()
    },
    cancel: () => end('left'),
  })
  return new Response(body, { headers })
}

/** A response that breaks off in its middle: fewer bytes than it said, or an error between two pieces. */
function breaking(
  { type, pieces }: UpstreamResponse,
  end: (outcome: 'failed') => void,
  random: Random,
) {
  const most = random.int(0, pieces.length - 1)
  let at = 0
  const body = new ReadableStream({
    async pull(controller) {
      await Bun.sleep(3)
      if (at++ < most) return controller.enqueue(pieces[at - 1])
      if (at - 1 === most) {
        const piece = Buffer.from(pieces[most] as string)
        return controller.enqueue(piece.subarray(0, piece.length >> 1))
      }
      end('failed')
      // Without an error, which the server would print.
      controller.error()
    },
    cancel: () => end('failed'),
  })
  return new Response(body, { headers: { 'Content-Type': type } })
}
