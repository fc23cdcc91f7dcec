/**
 * One connection to one running Redis, used until its first failure and never again.
 *
 * A client that reconnects by itself would send a decision to whatever answers at the address: after a
 * restart, to a Redis that has forgotten everything. Here a connection that fails is thrown away, and
 * the next one is looked at (which Redis is it, since when is it up?) before anything is asked of it.
 */
import { Redis, type Result } from 'ioredis'
import type { Limit } from './rate-limiter.ts'
import { WINDOW_SCRIPT } from './redis-script.ts'
import { watchForStall } from './reply-watchdog.ts'

declare module 'ioredis' {
  interface RedisCommander<Context> {
    tollbookWindow(
      keyCount: number,
      ...keysThenArguments: (string | number)[]
    ): Result<number[], Context>
  }
}

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
  const client = new Redis(url, {
    lazyConnect: true,
    // One connection, one life: nothing is queued for the next one or sent again on it.
    retryStrategy: null,
    enableOfflineQueue: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableAutoPipelining: false,
  })
  client.defineCommand('tollbookWindow', { lua: WINDOW_SCRIPT })

  let failure: Error | undefined
  const lost = new Promise<Error>((resolve) => {
    client.on('error', (error: Error) => {
      failure ??= error
    })
    client.once('end', () => {
      watch.stop()
      resolve(failure ?? new Error('Redis closed the connection'))
    })
  })
  // Ends what is in flight now; disconnect() would first wait for a stopped Redis to say goodbye.
  function fail(reason: Error): void {
    failure ??= reason
    client.stream?.destroy()
  }
  const watch = watchForStall(() => fail(new Error('Redis did not answer in time')))

  // Calls that arrive together leave in one write: a write a call is a system call a call.
  let gathering = false
  function gather(): void {
    const { stream } = client
    if (gathering || !stream) return
    gathering = true
    stream.cork()
    setImmediate(() => {
      gathering = false
      stream.uncork()
    })
  }

  async function run(keys: readonly string[], ...args: (string | number)[]): Promise<number[]> {
    watch.sent()
    gather()
    try {
      return await client.tollbookWindow(keys.length, ...keys.map((key) => prefix + key), ...args)
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
    limits.flatMap(({ limit, windowMs }) => [limit, windowMs])

  const deadline = setTimeout(() => fail(new Error('Redis is slow to connect')), CONNECT_TIMEOUT_MS)
  try {
    await client.connect()
    // A Redis that cannot run the script (a replica, a full one) must be found out here, not by a call.
    await run(['{probe}'], 'take', 1, 1)
    const seen = seenIn(await client.info('server'))
    return {
      seen,
      take: (limits) => run(keysOf(limits), 'take', ...numbersOf(limits)),
      peek: (limits) => run(keysOf(limits), 'peek', ...numbersOf(limits)),
      giveBack: async (limits, takenAtUs) => {
        await run(keysOf(limits), 'back', takenAtUs)
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
