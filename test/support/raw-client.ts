/** A client on a bare socket: it sees every byte that arrives, and can leave at any moment. */
import { connect, type Socket } from 'node:net'
import { until } from './until.ts'

export interface RawCall {
  readonly socket: Socket
  /** Everything received so far. */
  readonly received: Buffer
  /** The status of the response; undefined before its head has arrived. */
  readonly status: number | undefined
  header(name: string): string | undefined
  /** What has arrived of the response's body: of a chunked body, its whole chunks put together. */
  readonly body: Buffer
  /** Whether the whole response arrived: by its length, or by the chunk that ends it. */
  readonly whole: boolean
  readonly closed: boolean
  /** Resolves when the head of the response has arrived. */
  begun(): Promise<void>
  /** Resolves when the response is whole or the connection is closed. */
  ended(): Promise<void>
  /** Resolves when this many responses have begun, or the connection is closed. */
  responses(count: number): Promise<void>
}

/** Sends `text`, a request or a part of one, to the server at `url`. */
export function rawCall(url: string, text: string | Uint8Array): RawCall {
  const { hostname, port } = new URL(url)
  const chunks: Buffer[] = []
  let closed = false
  const socket = connect(Number(port), hostname, () => socket.write(text))
  socket.on('data', (data: Buffer) => chunks.push(data))
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  const call: RawCall = {
    socket,
    get received() {
      return Buffer.concat(chunks)
    },
    get status() {
      const match = /^HTTP\/1\.1 (\d{3})/.exec(headOf(call.received) ?? '')
      return match ? Number(match[1]) : undefined
    },
    header: (name) =>
      new RegExp(`^${name}: (.*)$`, 'im').exec(headOf(call.received) ?? '')?.[1]?.trim(),
    get body() {
      return bodyOf(call).body
    },
    get whole() {
      return bodyOf(call).whole
    },
    get closed() {
      return closed
    },
    begun: () => until(() => call.status !== undefined),
    ended: () => until(() => closed || call.whole),
    responses: (count) => until(() => closed || countResponses(call.received) >= count),
  }
  return call
}

/** The text of a request with a JSON body. */
export function rawPost(path: string, key: string, json: unknown): string {
  const body = JSON.stringify(json)
  return (
    `POST ${path} HTTP/1.1\r\nHost: gateway.test\r\nX-API-Key: ${key}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

/** The responses on a connection, apart from `100 Continue`. */
function countResponses(received: Buffer): number {
  return received.toString('latin1').match(/HTTP\/1\.1 (?!100)\d{3} [\s\S]*?\r\n\r\n/g)?.length ?? 0
}

function headOf(received: Buffer): string | undefined {
  const end = received.indexOf('\r\n\r\n')
  return end < 0 ? undefined : received.subarray(0, end).toString('latin1')
}

function bodyOf(call: RawCall): { body: Buffer; whole: boolean } {
  const { received } = call
  if (headOf(received) === undefined) return { body: Buffer.alloc(0), whole: false }
  const rest = received.subarray(received.indexOf('\r\n\r\n') + 4)
  if (!/chunked/i.test(call.header('transfer-encoding') ?? '')) {
    return { body: rest, whole: rest.length === Number(call.header('content-length') ?? 0) }
  }
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const line = rest.indexOf('\r\n', at)
    if (line < 0) break
    const size = Number.parseInt(rest.subarray(at, line).toString('latin1'), 16)
    if (size === 0) return { body: Buffer.concat(parts), whole: rest.length >= line + 4 }
    if (rest.length < line + 2 + size + 2) break
    parts.push(rest.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
  return { body: Buffer.concat(parts), whole: false }
}
