/** How a gateway ends: it stops serving first, and then closes its parts in the reverse order of their opening. */
import { waitAtMost } from '../lib/wait-at-most.ts'
import type { CallProxy } from '../proxy/proxy.ts'
import type { HttpServer } from './http-server.ts'
import type { Phase } from './phase.ts'

/** A stack of parts: what was opened last is closed first. */
export interface Shutdown {
  /** @param part as a log line names it */
  push(part: string, close: () => unknown): void
  /** Closes every part. A part that fails is logged and keeps no other part open. */
  run(): Promise<void>
}

export function openShutdown(log: (message: string, error: unknown) => void): Shutdown {
  const parts: { readonly part: string; readonly close: () => unknown }[] = []
  return {
    push(part, close) {
      parts.push({ part, close })
    },
    async run() {
      for (let top = parts.pop(); top; top = parts.pop()) {
        try {
          await top.close()
        } catch (error) {
          log(`${top.part} could not be closed`, error)
        }
      }
    },
  }
}

/** How long calls that were cut off have to release their holds. */
const cutOffMs = 500

export interface Serving {
  readonly server: HttpServer
  readonly proxy: Pick<CallProxy, 'idle' | 'cutOff'>
  readonly phase: Phase
  /** How long calls are still taken while /ready says that the gateway stops. */
  readonly drainSeconds: number
}

/** Takes calls while it drains, lets those under way finish for at most `graceMs`, and cuts off the rest. */
export async function stopServing(
  { server, proxy, phase, drainSeconds }: Serving,
  graceMs: number,
): Promise<void> {
  phase.isStopping = true
  await Bun.sleep(drainSeconds * 1_000)
  // stop() refuses new connections, closes silent ones and resolves when the last response has left. Calls
  // whose clients have left may still be under way then.
  const finished = Promise.all([server.stop(), proxy.idle(graceMs)])
  await waitAtMost(graceMs, finished)
  proxy.cutOff()
  await server.closeConnections()
  await proxy.idle(cutOffMs)
}
