/**
 * A client that keeps its connection for call after call, as HTTP clients do, and that retries nothing, as they
 * do behind one's back: a call whose response does not arrive whole is lost.
 */
import { connect, type Socket } from 'node:net'

export interface KeepAliveClient {
  /** Sends the text of a request; resolves with the status when the whole response has arrived. */
  call(request: string): Promise<number>
  /** Gives up the connection; the next call takes a new one. */
  leave(): void
}

export function keepAliveClient(url: string): KeepAliveClient {
  const { hostname, port } = new URL(url)
  let socket: Socket | undefined
  let received = ''
  let ended = (_: Error | number) => {}

  function open(): Socket {
    const opened = connect(Number(port), hostname)
    opened.on('error', () => {})
    opened.on('data', (bytes) => {
      received += bytes.toString('latin1')
      const response = wholeResponse(received)
      if (response === undefined) return
      received = ''
      if (response.last) socket = undefined
      ended(response.status)
    })
    opened.on('close', () => {
      if (socket !== opened) return
      socket = undefined
      ended(new Error(`the connection closed after "${received.slice(0, 80)}"`))
    })
    return opened
  }

  return {
    call: (request) =>
      new Promise((resolve, reject) => {
        ended = (end) => (typeof end === 'number' ? resolve(end) : reject(end))
        received = ''
        socket ??= open()
        socket.write(request)
      }),
    leave() {
      socket?.end()
      socket = undefined
    },
  }
}

/** The response, once all of it has arrived. Only responses with a Content-Length are read, as small ones have it. */
function wholeResponse(text: string): { status: number; last: boolean } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end)
  const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1])
  if (text.length < end + 4 + length) return undefined
  return {
    status: Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)),
    last: /^connection: close$/im.test(head),
  }
}
