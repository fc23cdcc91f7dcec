/**
 * One connection to one running Redis, used until its first failure and never again.
 *
 * A client that reconnects by itself would send a decision to whatever answers at the address: after a
 * restart, to a Redis that has forgotten everything. Here a connection that fails is thrown away, and
 * the next one is looked at (which Redis is it, since when is it up?) before anything is asked of it.
 */
import { RedisClient } from 'bun'
import { WINDOW_SCRIPT } from './script.ts'
import { watchForStall } from './stall.ts'
import type { Limit } from './windows.ts'

/** What one Redis says of itself: a restart changes the id and starts the uptime again. */
export interface Seen {
  readonly runId: string
  readonly uptimeMs: number
}

/** All calls reject when the connection fails, at the latest about 75 ms after they were made. */
export interface Link {
  readonly seen: Seen
  take(limits: readonly Limit[]): Promise<number[]>
  peek(limits: readonly Limit[]): Promise<number[]>
  giveBack(limits: readonly Limit[], takenAtUs: number): Promise<void>
  /** Resolves with the reason when the connection is of no use any more. */
  readonly lost: Promise<Error>
  close(): void
}

/** Connecting happens in the background or once at the start, so it may take a moment. */
const CONNECT_TIMEOUT_MS = 1_000

/** Rejects when Redis cannot be reached, does not answer in time, or cannot run the script. */
export async function connect(url: string, prefix: string): Promise<Link> {
  const client = new RedisClient(url, {
    // One connection, one life: nothing is queued for the next one or sent again on it.
    autoReconnect: false,
    enableOfflineQueue: false,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    // Calls that arrive together leave in one write: a write a call is a system call a call.
    enableAutoPipelining: true,
  })
  let failure: Error | undefined
  const lost = new Promise<Error>((resolve) => {
    client.onclose = (error) => {
      watch.stop()
      resolve(failure ?? error)
    }
  })
  /** Ends what is in flight now, also where Redis is stopped and would never say goodbye. */
  function fail(reason: Error): void {
    failure ??= reason
    client.close()
  }
  const watch = watchForStall(() => fail(new Error('Redis did not answer in time')))
  let sha = ''

  async function run(keys: readonly string[], args: readonly string[]): Promise<number[]> {
    const rest = [String(keys.length), ...keys.map((key) => prefix + key), ...args]
    watch.sent()
    try {
      return await client.send('EVALSHA', [sha, ...rest]).catch((error) => {
        // Somebody has emptied Redis' cache of scripts; running this one puts it back.
        if (!String(error).includes('NOSCRIPT')) throw error
        return client.send('EVAL', [WINDOW_SCRIPT, ...rest])
      })
    } catch (error) {
      // An error reply (read-only, out of memory) is as good as no Redis.
      fail(error instanceof Error ? error : new Error(String(error)))
      throw error
    } finally {
      watch.answered()
    }
  }

  const keysOf = (limits: readonly Limit[]) => limits.map(({ key }) => key)
  const numbersOf = (limits: readonly Limit[]) =>
    limits.flatMap(({ limit, windowMs }) => [String(limit), String(windowMs)])

  const deadline = setTimeout(() => fail(new Error('Redis is slow to connect')), CONNECT_TIMEOUT_MS)
  try {
    await client.connect().catch((cause) => {
      // The client does not say why: nobody there, no such host, another password.
      throw new Error('Redis cannot be reached; "tollbook doctor" says why', { cause })
    })
    sha = await client.send('SCRIPT', ['LOAD', WINDOW_SCRIPT])
    // A Redis that cannot run the script (a replica, a full one) must be found out here, not by a call.
    await run(['{probe}'], ['take', '1', '1'])
    const seen = seenIn(await client.send('INFO', ['server']))
    return {
      seen,
      take: (limits) => run(keysOf(limits), ['take', ...numbersOf(limits)]),
      peek: (limits) => run(keysOf(limits), ['peek', ...numbersOf(limits)]),
      giveBack: async (limits, takenAtUs) => {
        await run(keysOf(limits), ['back', String(takenAtUs)])
      },
      lost,
      close: () => fail(new Error('closed')),
    }
  } catch (error) {
    fail(error instanceof Error ? error : new Error(String(error)))
    throw failure
  } finally {
    clearTimeout(deadline)
  }
}

/** `INFO server`. The uptime is in whole seconds, so a second less is what is certain. */
function seenIn(info: string): Seen {
  const runId = /^run_id:(\w+)/m.exec(info)?.[1]
  const uptimeSeconds = Number(/^uptime_in_seconds:(\d+)/m.exec(info)?.[1])
  if (runId === undefined || Number.isNaN(uptimeSeconds)) {
    throw new Error('INFO server does not say which Redis this is')
  }
  return { runId, uptimeMs: Math.max(0, uptimeSeconds - 1) * 1_000 }
}
