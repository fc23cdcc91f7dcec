/**
 * One connection to one running Redis, used until its first failure and never again.
 *
 * A client that reconnects by itself would send a decision to whatever listens at the address: after a
 * restart, to a Redis that has forgotten everything. Here a connection that fails is thrown away. The
 * next one first says which Redis it leads to and for how long that has certainly kept its memory.
 */
import { Command, type Redis } from 'ioredis'
import type { RedisAddress } from '../../config/redis-url.ts'
import { noPrefetch, type PrefetchQuestion } from './prefetched-permits.ts'
import type { RateLimit } from './rate-limiter.ts'
import { openRedisClient, type RedisServer } from './redis-client.ts'
import { assertDecides, readIdentity } from './redis-identity.ts'
import { rateLimitScript } from './redis-script.ts'
import { tokenLimitScript } from './redis-token-script.ts'
import type { RedisIdentity } from './redis-trust.ts'
import { watchReplies } from './reply-watchdog.ts'

/** All commands reject when the connection fails, at the latest about 75 ms after they were sent. */
export interface RedisConnection {
  readonly identity: RedisIdentity
  /** @param prefetch what is asked for beside the permit */
  takePermit(limits: readonly RateLimit[], prefetch: PrefetchQuestion): Promise<number[]>
  peek(limits: readonly RateLimit[]): Promise<number[]>
  returnPermit(limits: readonly RateLimit[], takenAtUs: number): Promise<void>
  /** Says what became of prefetched permits. Returns the time from which the spent ones count. */
  account(limits: readonly RateLimit[], prefetch: PrefetchQuestion): Promise<number[]>
  /** The same three of limits of tokens. @param name of the call that takes them */
  takeTokens(limits: readonly RateLimit[], tokens: number, name: string): Promise<number[]>
  peekTokens(limits: readonly RateLimit[]): Promise<number[]>
  settleTokens(
    limits: readonly RateLimit[],
    taken: number,
    name: string,
    used: number,
  ): Promise<void>
  /** Resolves with the reason when the connection is of no use any more. */
  readonly lost: Promise<Error>
  close(): void
}

interface Script {
  readonly text: string
  readonly hash: string
}

const scriptOf = (text: string): Script => ({
  text,
  hash: new Bun.CryptoHasher('sha1').update(text).digest('hex'),
})
const permits = scriptOf(rateLimitScript)
const tokenScript = scriptOf(tokenLimitScript)

/** A connection is made in the background or once at the start, so it may take a moment. */
const connectTimeoutMs = 1_000

/** A slot that is on its way, or that another master has by now. The other slots of the server are where they were. */
const isElsewhere = (error: unknown) =>
  error instanceof Error &&
  /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN Hash slot not served)\b/.test(error.message)

/**
 * Rejects when Redis cannot be reached, does not reply in time, or cannot run the script.
 *
 * @param options.kind how the address names the server
 * @param options.prefix stands before every key
 * @param options.tag a hash tag of which the keys are on this server
 * @param options.onElsewhere is called when the server says that it does not have a slot
 */
export async function connectToRedis(
  server: RedisServer,
  options: {
    readonly kind: RedisAddress['kind']
    readonly prefix: string
    readonly tag: string
    readonly onElsewhere?: () => void
  },
): Promise<RedisConnection> {
  const { kind, prefix, tag, onElsewhere = () => {} } = options
  const { client, lost, end } = await openRedisClient(server, connectTimeoutMs)
  const runScript = scriptRunner(client, lost, end, prefix, onElsewhere)
  const run = (keys: readonly string[], ...args: (string | number)[]) =>
    runScript(permits, keys, args)
  const runTokens = (limits: readonly RateLimit[], ...args: (string | number)[]) =>
    runScript(tokenScript, tokenKeysOf(limits), args)
  const timer = setTimeout(() => end(new Error('Redis is slow to connect')), connectTimeoutMs)
  try {
    const info = String(await client.call('INFO'))
    assertDecides(info, kind)
    // A Redis that cannot run the script (a full one, say) must fail here, not at a call.
    const probe = [{ key: `${tag}:probe`, limit: 1, windowMs: 1 }]
    await run(keysOf(probe), 'take', ...numbersOf(probe, noPrefetch(probe))).catch(unlessElsewhere)
    const ofTokens = [{ key: `${tag}:probe:tokens`, limit: 1, windowMs: 1 }]
    await runTokens(ofTokens, 'take', 0, 'probe', ...spansOf(ofTokens)).catch(unlessElsewhere)
    const identity = await readIdentity(client, info, kind, `${prefix}${tag}:since`)
    return {
      identity,
      takePermit: (limits, prefetch) => run(keysOf(limits), 'take', ...numbersOf(limits, prefetch)),
      peek: (limits) => run(keysOf(limits), 'peek', ...numbersOf(limits, noPrefetch(limits))),
      account: (limits, prefetch) => run(keysOf(limits), 'account', ...numbersOf(limits, prefetch)),
      returnPermit: async (limits, takenAtUs) => {
        await run(keysOf(limits), 'return', takenAtUs)
      },
      takeTokens: (limits, tokens, name) =>
        runTokens(limits, 'take', tokens, name, ...spansOf(limits)),
      peekTokens: (limits) => runTokens(limits, 'peek', 1, '', ...spansOf(limits)),
      settleTokens: async (limits, taken, name, used) => {
        const windows = limits.map(({ windowMs }) => windowMs)
        await runTokens(limits, 'settle', taken, name, used, ...windows)
      },
      lost,
      close: () => end(new Error('closed')),
    }
  } catch (error) {
    throw end(error)
  } finally {
    clearTimeout(timer)
  }
}

function unlessElsewhere(error: unknown): undefined {
  if (!isElsewhere(error)) throw error
}

/**
 * Runs the script by its hash, and by its text where Redis does not know it. Commands are made here and not by ioredis, which
 * would do more for each of them than the rest of its way takes.
 */
function scriptRunner(
  client: Redis,
  lost: Promise<Error>,
  end: (reason: unknown) => Error,
  prefix: string,
  onElsewhere: () => void,
) {
  const watchdog = watchReplies(() => end(new Error('Redis did not reply in time')))
  void lost.then(() => watchdog.stop())
  const writes = gatheredWrites(client)
  const send = (name: 'eval' | 'evalsha', script: string, args: readonly string[]) => {
    const command = new Command(name, [script, ...args])
    // Under Bun, ioredis cannot see that nobody follows its traces, and would describe every command for them.
    command.isTraced = true
    return client.sendCommand(command, writes) as Promise<number[]>
  }
  const ask = async ({ hash, text }: Script, args: readonly string[]) => {
    try {
      return await send('evalsha', hash, args)
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return send('eval', text, args)
    }
  }
  return async (
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<number[]> => {
    watchdog.sent()
    const prefixed = keys.map((key) => prefix + key)
    try {
      return await ask(script, [String(keys.length), ...prefixed, ...args.map(String)])
    } catch (error) {
      if (isElsewhere(error)) onElsewhere()
      // Another error reply (read-only, out of memory) is as good as no Redis.
      else end(error)
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

const tokenKeysOf = (limits: readonly RateLimit[]) =>
  limits.flatMap(({ key }) => [key, `${key}:amounts`])

const spansOf = (limits: readonly RateLimit[]) =>
  limits.flatMap(({ limit, windowMs }) => [limit, windowMs])

function numbersOf(
  limits: readonly RateLimit[],
  { count, usableMs, accounted }: PrefetchQuestion,
): number[] {
  const { takenAtUs = 0, count: taken = 0, spent = 0 } = accounted ?? {}
  return [count, usableMs * 1_000, takenAtUs, taken, spent, ...spansOf(limits)]
}
