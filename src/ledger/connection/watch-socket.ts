/**
 * Gives up a connection whose server does not reply. A machine that vanishes sends nothing any more, no end of the
 * connection either: without this, its last query would wait until the kernel gives up, which takes minutes or for ever.
 */
import type { Socket } from 'node:net'
import { DueReplies } from './due-replies.ts'

export interface Watch {
  /** The connection is given up when a reply is due and nothing has arrived for so long. */
  readonly maxSilenceSeconds: number
  /** Called when the server says that its connections are of no use any more. */
  readonly onUnfit: () => void
}

/** How long a connection that this side has ended may stay half open. */
const maxGoodbyeMs = 2_000
const checkEveryMs = 1_000

/**
 * A server that shuts down (57P01 to 57P03); one that was demoted and takes no writes (25006), while another may; and a
 * transaction that was left open after it failed (25P02).
 */
const unfitCodes = /^(57P0[1-3]|25006|25P02)$/

/** @param socket a connection on which nothing was sent yet */
export function watchSocket(socket: Socket, { maxSilenceSeconds, onUnfit }: Watch): void {
  const replies = new DueReplies((code) => {
    if (unfitCodes.test(code)) onUnfit()
  })
  // Checks are counted, not time: a process that was stopped has seen none of what arrived meanwhile.
  let silentChecks = 0
  const timer = setInterval(check, checkEveryMs)
  timer.unref()

  function check(): void {
    // A paused socket has something to read, and waits for its reader.
    if (!replies.isDue || socket.isPaused()) silentChecks = 0
    else if (++silentChecks * checkEveryMs > maxSilenceSeconds * 1_000) {
      socket.destroy(lost('ETIMEDOUT', `PostgreSQL has not replied for ${maxSilenceSeconds} s`))
    }
  }

  const write = socket.write
  socket.write = function watchedWrite(this: Socket, ...args: unknown[]) {
    replies.sent(args[0] as Uint8Array)
    return Reflect.apply(write, this, args)
  } as Socket['write']
  socket.on('data', (bytes: Buffer) => {
    silentChecks = 0
    replies.received(bytes)
  })

  const end = socket.end
  socket.end = function watchedEnd(this: Socket, ...args: unknown[]) {
    // A server that is gone does not say goodbye.
    setTimeout(() => socket.destroy(), maxGoodbyeMs).unref()
    return Reflect.apply(end, this, args)
  } as Socket['end']

  socket.once('close', () => {
    clearInterval(timer)
    // The client library would connect again without a pause or an end, and tell nobody.
    if (!replies.isReady)
      tell(socket, lost('ECONNRESET', 'PostgreSQL closed the connection at its start'))
  })
}

/** An error that nobody listens to would end the process. Whoever comes to listen is told that the connection is closed. */
function tell(socket: Socket, error: Error): void {
  if (socket.listenerCount('error') > 0) return void socket.emit('error', error)
  socket.on('newListener', function onListener(event) {
    if (event !== 'error') return
    socket.off('newListener', onListener)
    setImmediate(() => {
      socket.emit('error', error)
      socket.emit('close', true)
    })
  })
}

function lost(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
