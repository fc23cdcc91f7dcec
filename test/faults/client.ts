/**
 * A client on a bare socket, one connection a call: it sees what really arrives, knows whether a response
 * arrived whole, and can leave in the middle of its own request or of the response, or stop reading for a while.
 */
import { connect } from 'node:net'

export interface WireRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Leaves after this many bytes of the request, or of the response, went over the line. */
  readonly leaveAfter?: { readonly sent: number } | { readonly received: number }
  /** Reads nothing for so long, once so many bytes of the response have arrived. */
  readonly stall?: { readonly received: number; readonly ms: number }
}

export interface WireResponse {
  /** undefined: the connection ended before there was a response. */
  readonly status: number | undefined
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
  /** It arrived to its end: by its length, or by the chunk that ends it. */
  readonly whole: boolean
  /** The client left. */
  readonly left: boolean
  /** The client stopped reading for a while. */
  readonly stalled: boolean
}

/** Resolves when the response is whole or the connection has ended; never rejects. */
export function wireCall(
  url: string,
  request: WireRequest,
  withinMs: number,
): Promise<WireResponse> {
  const { hostname, port } = new URL(url)
  const { promise, resolve } = Promise.withResolvers<WireResponse>()
  const chunks: Buffer[] = []
  let size = 0
  let head: Head | undefined
  let left = false
  let stalled = false

  const socket = connect(Number(port), hostname, () => {
    const bytes = textOf(request)
    const most = request.leaveAfter && 'sent' in request.leaveAfter ? request.leaveAfter.sent : -1
    if (most < 0) return socket.write(bytes)
    left = true
    socket.write(bytes.subarray(0, most), () => socket.destroy())
  })
  socket.setNoDelay(true)
  const late = setTimeout(() => socket.destroy(), withinMs)

  function end(whole: boolean): void {
    clearTimeout(late)
    socket.destroy()
    const all = Buffer.concat(chunks)
    const body = head ? bodyOf(head, all) : Buffer.alloc(0)
    resolve({
      status: head?.status,
      headers: head?.headers ?? new Map(),
      body,
      whole,
      left,
      stalled,
    })
  }

  socket.on('error', () => {})
  socket.on('close', () => end(false))
  socket.on('data', (data: Buffer) => {
    chunks.push(data)
    size += data.length
    head ??= headOf(chunks)
    if (head && isWhole(head, chunks, size)) return end(true)
    const { leaveAfter, stall } = request
    if (stall && !stalled && size >= stall.received) {
      stalled = true
      socket.pause()
      setTimeout(() => socket.resume(), stall.ms)
    }
    if (leaveAfter && 'received' in leaveAfter && size >= leaveAfter.received) {
      left = true
      socket.destroy()
    }
  })
  return promise
}

interface Head {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  /** Where the body begins. */
  readonly bytes: number
}

function textOf({ method, path, headers, body }: WireRequest): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: gateway.test', 'Connection: close']
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body) lines.push(`Content-Length: ${body.length}`)
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body ?? Buffer.alloc(0)])
}

function headOf(chunks: readonly Buffer[]): Head | undefined {
  const all = Buffer.concat(chunks)
  const end = all.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...rest] = all.subarray(0, end).toString('latin1').split('\r\n')
  const headers = new Map(
    rest.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  return { status: Number(first.split(' ')[1]), headers, bytes: end + 4 }
}

function isChunked({ headers }: Head): boolean {
  return /chunked/i.test(headers.get('transfer-encoding') ?? '')
}

function isWhole(head: Head, chunks: readonly Buffer[], size: number): boolean {
  if (!isChunked(head)) return size - head.bytes >= Number(head.headers.get('content-length') ?? 0)
  // The end can only be there when the last bytes look like one; then all of it is read.
  const last = Buffer.concat(chunks.slice(-2)).subarray(-5)
  return last.toString('latin1') === '0\r\n\r\n' && readChunks(head, Buffer.concat(chunks)).ended
}

function bodyOf(head: Head, all: Buffer): Buffer {
  return isChunked(head) ? readChunks(head, all).body : all.subarray(head.bytes)
}

function readChunks(head: Head, all: Buffer): { body: Buffer; ended: boolean } {
  const parts: Buffer[] = []
  for (let at = head.bytes; ; ) {
    const line = all.indexOf('\r\n', at)
    const size = Number.parseInt(all.subarray(at, Math.max(line, at)).toString('latin1'), 16)
    if (line < 0 || Number.isNaN(size)) return { body: Buffer.concat(parts), ended: false }
    if (size === 0) return { body: Buffer.concat(parts), ended: true }
    const end = line + 2 + size
    if (all.length < end + 2) return { body: Buffer.concat(parts), ended: false }
    parts.push(all.subarray(line + 2, end))
    at = end + 2
  }
}
