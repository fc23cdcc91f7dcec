/**
 * How a comparison speaks with the checkouts that it compares. This protocol is all that two checkouts share, so
 * it stays as it is while names, schema, configuration and code change behind it.
 *
 * `FOLDER/tollbook bun FOLDER/bench/worker.ts` reads requests from stdin and writes a response to each on stdout,
 * in order, every one of them a line of JSON. It ends when stdin is closed, and so does what it has started.
 *
 *   {"task": "fill", "server": URL, "database": NAME, "accounts": N}
 *       makes (or replaces) that database on a PostgreSQL server, whose superuser logs in by that URL, with N
 *       accounts that have a key each and credits for every call
 *       → {"ledger": …}, which is all that a worker of the same checkout needs to use that database, in another
 *       process too; nobody else looks into it
 *   {"task": "append", "ledger": …, "accounts": "one" | "many", "inFlight": N, "seconds": N}
 *       appends two events for each call, a hold and its settlement, with N calls in flight for so many seconds,
 *       on a connection that stays open from one such request to the next
 *       → {"events": N, "eventsPerSecond": N, "meanBatch": N, "appenderUs": N}; the last is the worker's own
 *       processor time, in microseconds an event
 *   {"task": "gateway", "ledger": …, "upstream": ORIGIN, "redis": URL or absent}
 *       starts a gateway in a process of its own, which sells POST /v1/search to whoever has an `X-API-Key`
 *       → {"url": ORIGIN, "pid": N, "keys": [API key, …]}
 *
 * A task that fails has {"error": "…"} for a response.
 */

export interface Fill {
  readonly task: 'fill'
  readonly server: string
  readonly database: string
  readonly accounts: number
}

export interface Append {
  readonly task: 'append'
  readonly ledger: unknown
  readonly accounts: 'one' | 'many'
  readonly inFlight: number
  readonly seconds: number
}

export interface Gateway {
  readonly task: 'gateway'
  readonly ledger: unknown
  readonly upstream: string
  readonly redis?: string | undefined
}

export type Request = Fill | Append | Gateway

/** What is said to each task, by its name. */
export interface Responses {
  readonly fill: { readonly ledger: unknown }
  readonly append: {
    readonly events: number
    readonly eventsPerSecond: number
    readonly meanBatch: number
    readonly appenderUs: number
  }
  readonly gateway: { readonly url: string; readonly pid: number; readonly keys: readonly string[] }
}

const tasks: readonly string[] = ['fill', 'append', 'gateway'] satisfies Request['task'][]

/** @throws when the line is no request of this protocol */
export function readRequest(line: string): Request {
  const request = readObject(line)
  if (tasks.includes(request.task as string)) return request as unknown as Request
  throw new Error(`no such task: ${line.slice(0, 200)}`)
}

/** @throws when the task failed, with its reason, or when the line is no response of this protocol */
export function readResponse<Task extends Request['task']>(line: string): Responses[Task] {
  const response = readObject(line)
  if (response.error !== undefined) throw new Error(String(response.error))
  return response as unknown as Responses[Task]
}

function readObject(line: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(line)
    if (typeof read === 'object' && read !== null) return read as Record<string, unknown>
  } catch {
    // It is said below what was read.
  }
  throw new Error(`not a JSON object: ${line.slice(0, 200)}`)
}

/** The lines of a stream, which come in chunks of any size. A last line without an end is none. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of stream) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = lines.pop() as string
    yield* lines
  }
}
