/**
 * One connection to one running Redis, used until its first failure and never again.
 *
 * A client that reconnects by itself would send a decision to whatever answers at the address: after a
 * restart, to a Redis that has forgotten everything. Here a connection that fails is thrown away, and
 * the next one is looked at (which Redis is it, since when is it up?) before anything is asked of it.
 */
import { Redis, type Result } from 'ioredis'
import { WINDOW_SCRIPT } from './script.ts'
import { watchForStall } from './stall.ts'
import type { Limit } from './windows.ts'

declare module 'ioredis' {
  interface RedisCommander<Context> {
    tollbookWindow(
      keyCount: number,
      ...keysThenArguments: (string | number)[]
    ): Result<number[][], Context>
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

interface Question {
  readonly keys: readonly string[]
  readonly args: readonly (string | number)[]
  readonly resolve: (answer: number[]) => void
  readonly reject: (error: Error) => void
}

/** So that one command keeps nobody else's waiting for long. */
const mostTogether = 100

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

  // What is asked while an answer is under way goes together in the next command: the busier the gateway,
  // the less a question costs it, and Redis.
  const waiting: Question[] = []
  let busy = false

  function ask(keys: readonly string[], ...args: (string | number)[]): Promise<number[]> {
    if (failure) return Promise.reject(failure)
    const { promise, resolve, reject } = Promise.withResolvers<number[]>()
    waiting.push({ keys, args, resolve, reject })
    if (!busy) {
      busy = true
      // When everything that came in at the same moment has asked, too.
      setImmediate(sendWaiting)
    }
    return promise
  }

  async function sendWaiting(): Promise<void> {
    const asked = waiting.splice(0, mostTogether)
    watch.sent()
    try {
      const keys = asked.flatMap((question) => question.keys.map((key) => prefix + key))
      const args = asked.flatMap((question) => [question.keys.length, ...question.args])
      const answers = await client.tollbookWindow(keys.length, ...keys, ...args)
      asked.forEach(({ resolve }, i) => void resolve(answers[i] as number[]))
    } catch (error) {
      // An error reply (read-only, out of memory) is as good as no Redis.
      fail(error instanceof Error ? error : new Error(String(error)))
      for (const { reject } of [...asked, ...waiting.splice(0)]) reject(failure as Error)
    } finally {
      watch.answered()
    }
    busy = waiting.length > 0
    if (busy) setImmediate(sendWaiting)
  }

  const keysOf = (limits: readonly Limit[]) => limits.map(({ key }) => key)
  const numbersOf = (limits: readonly Limit[]) =>
    limits.flatMap(({ limit, windowMs }) => [limit, windowMs])

  const deadline = setTimeout(() => fail(new Error('Redis is slow to connect')), CONNECT_TIMEOUT_MS)
  try {
    await client.connect()
    // A Redis that cannot run the script (a replica, a full one) must be found out here, not by a call.
    await ask(['{probe}'], 'take', 1, 1)
    const seen = seenIn(await client.info('server'))
    return {
      seen,
      take: (limits) => ask(keysOf(limits), 'take', ...numbersOf(limits)),
      peek: (limits) => ask(keysOf(limits), 'peek', ...numbersOf(limits)),
      giveBack: async (limits, takenAtUs) => {
        await ask(keysOf(limits), 'back', takenAtUs)
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
