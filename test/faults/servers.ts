/** A PostgreSQL and a Redis of the harness's own, to be killed, frozen and started again. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts'
import { startRedis } from '../support/redis.ts'
import { guardProcess } from '../support/run.ts'
import { until } from '../support/until.ts'

export interface Servers {
  readonly postgres: PostgresServer
  readonly redis: RedisServer
  stop(): Promise<void>
}

export interface PostgresServer {
  /** A superuser's; the same through every restart. */
  readonly url: string
  /** kill -9 of the postmaster and, by default, of all its processes. */
  kill(options?: { readonly childrenToo: boolean }): Promise<void>
  /** Starts what was killed, or what ended by itself. */
  start(): Promise<void>
  readonly isRunning: boolean
  /** kill -9 of one of its processes. */
  killBackend(pid: number): void
  /** SIGSTOP and SIGCONT of all its processes. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

export interface RedisServer {
  readonly url: string
  kill(): Promise<void>
  start(): Promise<void>
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

/** @param folder of PostgreSQL's data; removed at the end */
export async function startServers(
  folder = mkdtempSync(join(tmpdir(), 'tollbook-faults-')),
): Promise<Servers> {
  const [postgres, redis] = await Promise.all([startPostgres(folder), startOwnRedis()])
  return {
    postgres,
    redis,
    async stop() {
      await Promise.all([postgres.stop(), redis.stop()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Waits for the disk, as in production: what is killed here must have been written. */
async function startPostgres(dataDir: string): Promise<PostgresServer> {
  const start = () => startEmbeddedPostgres({ dataDir })
  let server = await start()
  let callOffGuard = guardProcess(server.pid, 'INT', dataDir)
  const { url, port } = server
  let frozen: number[] = []

  async function kill({ childrenToo } = { childrenToo: true }): Promise<void> {
    signal(server.pid, 'SIGSTOP')
    const children = childrenToo ? childrenOf(server.pid) : []
    for (const pid of [server.pid, ...children]) signal(pid, 'SIGKILL')
    await until(() => !isAlive(server.pid))
    await callOffGuard()
  }

  return {
    url,
    kill,
    async start() {
      server = await start()
      callOffGuard = guardProcess(server.pid, 'INT', dataDir)
      if (server.port !== port) throw new Error(`PostgreSQL came back on port ${server.port}`)
    },
    get isRunning() {
      return isAlive(server.pid)
    },
    killBackend: (pid) => signal(pid, 'SIGKILL'),
    freeze() {
      // The postmaster first: it could have one more child otherwise.
      signal(server.pid, 'SIGSTOP')
      frozen = [server.pid, ...childrenOf(server.pid)]
      for (const pid of frozen) signal(pid, 'SIGSTOP')
    },
    thaw() {
      for (const pid of frozen) signal(pid, 'SIGCONT')
      frozen = []
    },
    async stop() {
      if (isAlive(server.pid)) {
        for (const pid of frozen) signal(pid, 'SIGCONT')
        await server.stop()
      }
      await callOffGuard()
    },
  }
}

async function startOwnRedis(): Promise<RedisServer> {
  let redis = await startRedis()
  const { url, port } = redis
  return {
    url,
    kill: () => redis.kill('SIGKILL'),
    async start() {
      redis = await startRedis(port)
    },
    freeze: () => signal(redis.pid, 'SIGSTOP'),
    thaw: () => signal(redis.pid, 'SIGCONT'),
    stop: () => redis.stop(),
  }
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended meanwhile.
  }
}

/** A process that ended and was not waited for yet is not alive. */
function isAlive(pid: number): boolean {
  return statOf(pid) !== undefined && statOf(pid)?.state !== 'Z'
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && statOf(pid)?.parent === parent)
}

function statOf(pid: number): { state: string; parent: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state = '', parent] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}
