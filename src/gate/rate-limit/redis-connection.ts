/**
 * One connection to one running Redis, used until its first failure and never again.
 *
 * A client that reconnects by itself would send a decision to whatever listens at the address: after a
 * restart, to a Redis that has forgotten everything. Here a connection that fails is thrown away. The
 * next one first says which Redis it leads to and how long that has been up.
 */
import { Command, Redis } from 'ioredis'
import { noPrefetch, type PrefetchQuestion } from './prefetched-permits.ts'
import type { RateLimit } from './rate-limiter.ts'
import { rateLimitScript } from './redis-script.ts'
import { type ReplyWatchdog, watchReplies } from './reply-watchdog.ts'

/** Which Redis it is: a restart changes the id and starts the uptime again. */
export interface RedisIdentity {
  readonly runId: string
  readonly uptimeMs: number
}

/** All commands reject when the connection fails, at the latest about 75 ms after they were sent. */
export interface RedisConnection {
  readonly identity: RedisIdentity
  /** @param prefetch what is asked for beside the permit */
  takePermit(limits: readonly RateLimit[], prefetch: PrefetchQuestion): Promise<number[]>
  peek(limits: readonly RateLimit[]): Promise<number[]>
  returnPermit(limits: readonly RateLimit[], takenAtUs: number): Promise<void>
  /** Says what became of prefetched permits. Returns the time from which the spent ones count. */
  account(limits: readonly RateLimit[], prefetch: PrefetchQuestion): Promise<number[]>
  /** Resolves with the reason when the connection is of no use any more. */
  readonly lost: Promise<Error>
  close(): void
}

const scriptHash = new Bun.CryptoHasher('sha1').update(rateLimitScript).digest('hex')

/** A connection is made in the background or once at the start, so it may take a moment. */
const connectTimeoutMs = 1_000

/** Rejects when Redis cannot be reached, does not reply in time, or cannot run the script. */
export async function connectToRedis(url: string, prefix: string): Promise<RedisConnection> {
  const client = newClient(url)
  const life = watchClient(client)
  const run = scriptRunner(client, life, prefix)
  const timer = setTimeout(() => life.end(new Error('Redis is slow to connect')), connectTimeoutMs)
  try {
    await client.connect()
    // A Redis that cannot run the script (a replica, a full one) must fail here, not at a call.
    const probe = [{ key: '{probe}', limit: 1, windowMs: 1 }]
    await run(keysOf(probe), 'take', ...numbersOf(probe, noPrefetch(probe)))
    const identity = identityIn(await client.info('server'))
    return {
      identity,
      takePermit: (limits, prefetch) => run(keysOf(limits), 'take', ...numbersOf(limits, prefetch)),
      peek: (limits) => run(keysOf(limits), 'peek', ...numbersOf(limits, noPrefetch(limits))),
      account: (limits, prefetch) => run(keysOf(limits), 'account', ...numbersOf(limits, prefetch)),
      returnPermit: async (limits, takenAtUs) => {
        await run(keysOf(limits), 'return', takenAtUs)
      },
      lost: life.lost,
      close: () => life.end(new Error('closed')),
    }
  } catch (error) {
    throw life.end(error)
  } finally {
    clearTimeout(timer)
  }
}

/** A client for one connection: nothing is queued for the next one or sent again on it. */
function newClient(url: string): Redis {
  return new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    enableOfflineQueue: false,
    connectTimeout: connectTimeoutMs,
    enableAutoPipelining: false,
  })
}

/** How a client's one connection ends, and what is under way on it. */
interface ClientLife {
  readonly lost: Promise<Error>
  readonly watchdog: ReplyWatchdog
  /** Ends the connection, with everything in flight on it, for this reason. Returns the first reason there was. */
  end(reason: unknown): Error
}

function watchClient(client: Redis): ClientLife {
  let failure: Error | undefined
  const lost = new Promise<Error>((resolve) => {
    client.on('error', (error: Error) => {
      failure ??= error
    })
    client.once('end', () => {
      watchdog.stop()
      resolve(failure ?? new Error('Redis closed the connection'))
    })
  })
  function end(reason: unknown): Error {
    failure ??= reason instanceof Error ? reason : new Error(String(reason))
    // disconnect() would first wait for a stopped Redis to say goodbye.
    client.stream?.destroy()
    return failure
  }
  const watchdog = watchReplies(() => end(new Error('Redis did not reply in time')))
  return { lost, watchdog, end }
}

/**
 * Runs the script by its hash, and by its text where Redis does not know it. Commands are made here and not by ioredis, which
 * would do more for each of them than the rest of its way takes.
 */
function scriptRunner(client: Redis, { watchdog, end }: ClientLife, prefix: string) {
  const writes = gatheredWrites(client)
  const send = (name: 'eval' | 'evalsha', script: string, args: readonly string[]) => {
    const command = new Command(name, [script, ...args])
    // Under Bun, ioredis cannot see that nobody follows its traces, and would describe every command for them.
    command.isTraced = true
    return client.sendCommand(command, writes) as Promise<number[]>
  }
  const ask = async (args: readonly string[]) => {
    try {
      return await send('evalsha', scriptHash, args)
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return send('eval', rateLimitScript, args)
    }
  }
  return async (keys: readonly string[], ...args: (string | number)[]): Promise<number[]> => {
    watchdog.sent()
    const prefixed = keys.map((key) => prefix + key)
    try {
      return await ask([String(keys.length), ...prefixed, ...args.map(String)])
    } catch (error) {
      // An error reply (read-only, out of memory) is as good as no Redis.
      end(error)
      throw error
    } finally {
      watchdog.replied()
    }
  }
}

/**
 * Lets commands of the same turn leave in one write: each write is a system call. Replies come in the order of the commands, so
 * what does not go this way may only be sent while none of these waits.
 */
function gatheredWrites(client: Redis) {
  let gathered = ''
  return {
    ...{ isPipeline: true as const, destination: { redis: client } },
    write(text: string | Buffer): boolean {
      if (gathered === '') {
        setImmediate(() => {
          client.stream?.write(gathered)
          gathered = ''
        })
      }
      gathered += text
      return true
    },
  }
}

const keysOf = (limits: readonly RateLimit[]) =>
  limits.flatMap(({ key }) => [key, `${key}:prefetched`])

function numbersOf(
  limits: readonly RateLimit[],
  { count, usableMs, accounted }: PrefetchQuestion,
): number[] {
  const { takenAtUs = 0, count: taken = 0, spent = 0 } = accounted ?? {}
  const ofLimits = limits.flatMap(({ limit, windowMs }) => [limit, windowMs])
  return [count, usableMs * 1_000, takenAtUs, taken, spent, ...ofLimits]
}

/** `INFO server`. The uptime is in whole seconds, so a second less is what is certain. */
function identityIn(info: string): RedisIdentity {
  const runId = /^run_id:(\w+)/m.exec(info)?.[1]
  const uptimeSeconds = Number(/^uptime_in_seconds:(\d+)/m.exec(info)?.[1])
  if (runId === undefined || Number.isNaN(uptimeSeconds)) {
    throw new Error('INFO server does not say which Redis this is')
  }
  return { runId, uptimeMs: Math.max(0, uptimeSeconds - 1) * 1_000 }
}
