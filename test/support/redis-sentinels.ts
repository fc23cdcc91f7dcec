/** A master with two replicas, and three Sentinels that watch them, on this machine. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from '../../src/postgres/free-port.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { guardProcess } from './run.ts'
import { until } from './until.ts'

export interface TestSentinels {
  /** `redis+sentinel://127.0.0.1:A,127.0.0.1:B,127.0.0.1:C/limits` */
  readonly url: string
  readonly ports: readonly number[]
  readonly servers: readonly TestRedis[]
  /** As the Sentinels that can be asked say it. */
  master(): Promise<TestRedis>
  stop(): Promise<void>
}

export const masterName = 'limits'

/** @param minReplicas what the servers have as `min-replicas-to-write` */
export async function startSentinels(minReplicas = 1): Promise<TestSentinels> {
  const settings = { 'min-replicas-to-write': minReplicas, 'min-replicas-max-lag': 10 }
  const first = await startRedis(undefined, settings)
  const replicaOf = {
    ...settings,
    replicaof: `127.0.0.1 ${first.port}`,
    'repl-diskless-sync-delay': 0,
  }
  const replicas = await Promise.all([1, 2].map(() => startRedis(undefined, replicaOf)))
  const servers = [first, ...replicas]
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(first.port)))
  const ports = sentinels.map(({ port }) => port)
  const clients = ports.map((port) => new Redis(port, '127.0.0.1'))
  for (const client of clients) client.on('error', () => {})
  await until(async () => {
    const views = await Promise.all(
      clients.map((client) => client.call('SENTINEL', 'MASTER', masterName) as Promise<string[]>),
    )
    const field = (view: string[], name: string) => view[view.indexOf(name) + 1]
    return views.every(
      (view) => field(view, 'num-slaves') === '2' && field(view, 'num-other-sentinels') === '2',
    )
  })
  return {
    url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${masterName}`,
    ports,
    servers,
    async master() {
      const [client] = clients
      const address = await client?.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)
      const found = servers.find(({ port }) => String(port) === (address as string[])[1])
      if (!found) throw new Error(`no server at ${address}`)
      return found
    },
    async stop() {
      for (const client of clients) client.disconnect()
      await Promise.all(sentinels.map((sentinel) => sentinel.stop()))
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}

async function startSentinel(masterPort: number) {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-sentinel-'))
  const file = join(folder, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${masterName} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${masterName} 3000`,
    `sentinel failover-timeout ${masterName} 10000`,
  ]
  writeFileSync(file, lines.join('\n'))
  const server = Bun.spawn(['redis-server', file, '--sentinel'], {
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const callOffGuard = guardProcess(server.pid, 'KILL', folder)
  const stop = async () => {
    server.kill('SIGKILL')
    await server.exited
    await callOffGuard()
    rmSync(folder, { recursive: true, force: true })
  }
  return { port, stop }
}
