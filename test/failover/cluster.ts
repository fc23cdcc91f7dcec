/** Three etcd members, three PostgreSQL servers under Patroni, and HAProxy, with the files that deploy/ ships. */
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { until } from '../support/until.ts'
import { addresses, etcdNames, serverNames } from './network.ts'
import { type DatabaseServer, openServer } from './server.ts'
import type { SetUp } from './set-ups.ts'

export interface Cluster {
  readonly servers: readonly DatabaseServer[]
  /** A superuser's, of a database: on this server, or on whoever leads. */
  urlOf(database: string, server?: DatabaseServer): string
  /** Who leads by its own word; undefined: nobody, or several. */
  leader(): Promise<DatabaseServer | undefined>
  /** The standbys, the one first that the leader waits for, where it waits for a certain one. */
  standbys(): Promise<DatabaseServer[]>
  /** Who holds etcd's lock of the leader. */
  lockHolder(): Promise<string | undefined>
  /** Resolves when a leader leads and both standbys receive the log from it, one at least as one that is waited for. */
  untilWhole(): Promise<void>
  killEtcd(): Promise<void>
  startEtcd(): void
  stop(): Promise<void>
}

/** Where HAProxy listens for gateways. */
export const proxyAddress = '127.0.0.1:5000'

const deploy = join(import.meta.dir, '../../deploy')
/** To make three servers of nothing, on a busy machine; or to copy one anew. */
const wholeWithinMs = 120_000
export const askEveryMs = 100

/** @param edit changes Patroni's file */
export async function startCluster(
  setUp: SetUp,
  folder: string,
  edit = (patroni: string) => patroni,
): Promise<Cluster> {
  mkdirSync(folder, { mode: 0o755 })
  const password = crypto.randomUUID()
  const config = join(folder, 'patroni.yml')
  writeFileSync(config, edit(readFileSync(join(deploy, 'patroni', setUp.file), 'utf8')))
  const servers = serverNames.map((name) => openServer({ name, config, folder, password }))
  const urlOf = (database: string, server?: DatabaseServer) =>
    `postgres://postgres:${password}@${server?.name ?? serverNames.join(',')}/${database}`
  let etcd: Bun.Subprocess[] = []

  function startEtcd(): void {
    etcd = etcdNames.map((name) => startMember(name, folder))
  }

  const leader = async () => {
    const replies = await Promise.all(servers.map((server) => server.ask('/primary')))
    const leading = servers.filter((_, i) => replies[i] === 200)
    return leading.length === 1 ? leading[0] : undefined
  }

  const standbys = async () => {
    const leading = await leader()
    const others = servers.filter((server) => server !== leading)
    const replies = await Promise.all(others.map((server) => server.ask('/sync')))
    return [200, undefined].flatMap((wanted) =>
      others.filter((_, i) => (replies[i] === 200) === (wanted === 200)),
    )
  }

  const isWhole = async () => {
    const leading = await leader()
    const waitedFor = leading ? await readStandbys(urlOf('postgres', leading)) : []
    if (waitedFor.length !== 2 || !waitedFor.includes(true)) return false
    if (!setUp.choosesStandby) return true
    const [first] = await standbys()
    return (await first?.ask('/sync')) === 200
  }

  async function begin(): Promise<void> {
    const [first, ...rest] = servers
    first?.start()
    await until(async () => (await leader()) === first, wholeWithinMs, askEveryMs)
    for (const server of rest) server.start()
    await until(isWhole, wholeWithinMs, askEveryMs)
  }

  const proxy = startProxy(folder)
  async function stop(): Promise<void> {
    await Promise.all(servers.map((server) => server.reconnect()))
    await Promise.all(servers.map((server) => server.kill()))
    for (const child of [proxy, ...etcd]) child.kill('SIGKILL')
    await Promise.all([proxy, ...etcd].map(({ exited }) => exited))
  }

  startEtcd()
  await begin().catch(async (error) => {
    await stop()
    throw error
  })
  return {
    ...{ servers, urlOf, leader, standbys, startEtcd, stop },
    lockHolder: readLock,
    untilWhole: () => until(isWhole, wholeWithinMs, askEveryMs),
    async killEtcd() {
      for (const member of etcd) member.kill('SIGKILL')
      await Promise.all(etcd.map(({ exited }) => exited))
    },
  }
}

function startMember(name: string, folder: string): Bun.Subprocess {
  const address = addresses[name]
  const log = openSync(join(folder, `${name}.log`), 'a')
  return Bun.spawn(['etcd'], {
    env: {
      PATH: '/usr/bin:/bin',
      ...variablesIn(join(deploy, 'patroni/etcd.env')),
      ETCD_NAME: name,
      ETCD_DATA_DIR: join(folder, name),
      ETCD_LISTEN_CLIENT_URLS: `http://${address}:2379`,
      ETCD_LISTEN_PEER_URLS: `http://${address}:2380`,
      ETCD_ADVERTISE_CLIENT_URLS: `http://${name}:2379`,
      ETCD_INITIAL_ADVERTISE_PEER_URLS: `http://${name}:2380`,
    },
    ...{ stdin: 'ignore', stdout: log, stderr: log },
  })
}

function startProxy(folder: string): Bun.Subprocess {
  const log = openSync(join(folder, 'haproxy.log'), 'a')
  return Bun.spawn(['haproxy', '-db', '-f', join(deploy, 'haproxy-postgres.cfg')], {
    env: { PATH: '/usr/sbin:/usr/bin:/bin', LISTEN: proxyAddress },
    ...{ stdin: 'ignore', stdout: log, stderr: log },
  })
}

/** `NAME=value` lines. */
function variablesIn(file: string): Record<string, string> {
  const lines = readFileSync(file, 'utf8').matchAll(/^(\w+)=(.*)$/gm)
  return Object.fromEntries([...lines].map(([, name, value]) => [name, value]))
}

/** By the API of version 2. */
async function readLock(): Promise<string | undefined> {
  const path = '/v2/keys/service/tollbook/leader?quorum=true'
  const asked = etcdNames.map(async (name) => {
    const signal = AbortSignal.timeout(1_000)
    const reply = await fetch(`http://${name}:2379${path}`, { signal })
    return ((await reply.json()) as { node?: { value: string } }).node?.value
  })
  return Promise.any(asked).catch(() => undefined)
}

/** For each standby that receives the log from this server, whether it is one that commits wait for. */
async function readStandbys(url: string): Promise<boolean[]> {
  const sql = postgres(url, { max: 1, connect_timeout: 2 })
  try {
    const rows = await sql<{ isWaitedFor: boolean }[]>`
      select sync_state in ('sync', 'quorum') as "isWaitedFor" from pg_stat_replication
      where state = 'streaming'`
    return rows.map(({ isWaitedFor }) => isWaitedFor)
  } catch {
    return []
  } finally {
    await sql.end({ timeout: 1 })
  }
}
