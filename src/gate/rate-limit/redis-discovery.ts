/**
 * Finds the masters, and looks again each second: a master that was replaced may still reply, so its silence is no sign that one
 * can wait for. All nodes or Sentinels that are known are asked at once, and who has the latest news is believed.
 */
import pTimeout from 'p-timeout'
import { printRedisHost, type RedisAddress, type RedisHost } from '../../config/redis-url.ts'
import { runPeriodically } from '../../lib/run-periodically.ts'
import { openRedisClient, type RedisClient, type RedisServer, serverAt } from './redis-client.ts'
import { masterOf, mastersOfSlots, sentinelQuestions, sentinelView } from './redis-masters.ts'

/** The master of each slot of a Cluster, or the one master of all keys. */
export type Masters = readonly (RedisHost | undefined)[]

interface RedisDiscovery {
  /** Resolves after the first question. */
  readonly ready: Promise<void>
  /** Asks before its time, when a server says that another one has the slot. */
  askSoon(): void
  stop(): Promise<void>
}

const askEveryMs = 1_000
const replyTimeoutMs = 500
/** A slot on its way redirects every call to it, so that is no reason to ask each time. */
const minIntervalMs = 100

/** How much later than this gateway another one may find a new master: it had just asked, and waits for a reply. */
export const maxLaterFoundMs = askEveryMs + replyTimeoutMs

/**
 * @param onMasters is told at each reply, whether or not anything changed
 * @param onFault is told why nobody could say it
 */
export function discoverMasters(
  address: RedisAddress,
  onMasters: (masters: Masters) => void,
  onFault: (error: unknown) => void,
): RedisDiscovery {
  if (address.kind === 'server') {
    onMasters(address.hosts)
    return { ready: Promise.resolve(), askSoon() {}, stop: async () => {} }
  }
  const asking = new Asking()
  let masters: Masters = []
  let underWay: Promise<void> | undefined
  let askedAtMs = 0
  let isReady = () => {}
  const ready = new Promise<void>((resolve) => {
    isReady = resolve
  })

  function ask(): Promise<void> {
    underWay ??= askOnce().finally(() => {
      underWay = undefined
    })
    return underWay
  }

  async function askOnce(): Promise<void> {
    askedAtMs = performance.now()
    try {
      masters = await readMasters(address, masters, asking)
      onMasters(masters)
    } catch (error) {
      onFault(error)
    } finally {
      isReady()
    }
  }

  const task = runPeriodically(askEveryMs, ask, onFault)
  return {
    ready,
    askSoon() {
      if (performance.now() - askedAtMs >= minIntervalMs) void ask()
    },
    async stop() {
      asking.close()
      await task.stop()
    },
  }
}

async function readMasters(
  address: RedisAddress,
  known: Masters,
  asking: Pick<Asking, 'ask'>,
): Promise<Masters> {
  const { hosts, tls, sentinel } = address
  if (!sentinel) {
    const all = distinct([...hosts, ...known.filter((host) => host !== undefined)])
    const views = await askAll(all, async (asked) => {
      const [text] = await asking.ask(serverAt(asked, address), [['CLUSTER', 'NODES']])
      return { text: String(text), asked }
    })
    return mastersOfSlots(views, tls !== undefined)
  }
  const views = await askAll(hosts, async (host) => {
    const server = { ...host, tls, login: sentinel.login, database: 0 }
    return sentinelView(await asking.ask(server, sentinelQuestions(sentinel.master)))
  })
  return [masterOf(views)]
}

/** What those say that reply. @throws what the first one fails with, when none does */
async function askAll<T>(
  hosts: readonly RedisHost[],
  ask: (host: RedisHost) => Promise<T>,
): Promise<T[]> {
  const replies = await Promise.allSettled(hosts.map(ask))
  const views = replies.flatMap((reply) => (reply.status === 'fulfilled' ? [reply.value] : []))
  const [first] = replies
  if (views.length === 0 && first?.status === 'rejected') throw first.reason
  return views
}

function distinct(hosts: readonly RedisHost[]): RedisHost[] {
  return [...new Map(hosts.map((host) => [printRedisHost(host), host])).values()]
}

/** Connections to those that are asked, each kept until its first failure. */
class Asking {
  private readonly clients = new Map<string, RedisClient>()
  private isClosed = false

  /** Sends the commands at once. @throws Error when there is no reply in time */
  ask(
    server: RedisServer,
    commands: readonly (readonly [string, ...string[]])[],
  ): Promise<unknown[]> {
    const key = printRedisHost(server)
    const message = `${key} did not reply within ${replyTimeoutMs} ms`
    return pTimeout(this.askInTime(key, server, commands), {
      milliseconds: replyTimeoutMs,
      message,
    })
  }

  close(): void {
    this.isClosed = true
    for (const { end } of this.clients.values()) end(new Error('closed'))
  }

  private async askInTime(
    key: string,
    server: RedisServer,
    commands: readonly (readonly [string, ...string[]])[],
  ): Promise<unknown[]> {
    const open = this.clients.get(key) ?? (await this.open(key, server))
    const timer = setTimeout(() => open.end(new Error('no reply in time')), replyTimeoutMs)
    try {
      return await Promise.all(commands.map(([name, ...args]) => open.client.call(name, ...args)))
    } catch (error) {
      throw open.end(error)
    } finally {
      clearTimeout(timer)
    }
  }

  private async open(key: string, server: RedisServer): Promise<RedisClient> {
    const opened = await openRedisClient(server, replyTimeoutMs)
    if (this.isClosed) throw opened.end(new Error('closed'))
    this.clients.get(key)?.end(new Error('replaced'))
    this.clients.set(key, opened)
    void opened.lost.then(() => {
      if (this.clients.get(key) === opened) this.clients.delete(key)
    })
    return opened
  }
}
