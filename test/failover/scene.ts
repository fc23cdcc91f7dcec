/**
 * What a fault happens to: a cluster with a ledger on it, an upstream, and two gateways, of which one goes through HAProxy
 * and the other finds the leader among the three servers by itself.
 */
import { join } from 'node:path'
import connectToServer from 'postgres'
import { connect } from '../../src/ledger/connect.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import type { ClientCall, LoggedCall } from '../faults/records.ts'
import { addToRecord } from '../faults/records.ts'
import { config, tariff, timeoutMs } from '../faults/settings.ts'
import { type FaultUpstream, startFaultUpstream } from '../faults/upstream.ts'
import { serveAs } from '../faults/world.ts'
import { readLog } from '../support/log.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/running-gateway.ts'
import { openLedgerAt, type TestKey } from '../support/test-ledger.ts'
import { type Cluster, proxyAddress, startCluster } from './cluster.ts'
import { serverNames } from './network.ts'
import type { SetUp } from './set-ups.ts'

export interface Scene {
  readonly cluster: Cluster
  readonly gateways: readonly SceneGateway[]
  readonly keys: readonly TestKey[]
  /** What clients keep of their calls. */
  readonly calls: ClientCall[]
  /** Every call in the log, by request id. */
  readLoggedCalls(): Promise<Map<string, LoggedCall>>
  close(): Promise<void>
}

/** How a gateway reaches the leader: through HAProxy, or by the three servers' names in DATABASE_URL. */
export const ways = ['haproxy', 'hosts'] as const

export interface SceneGateway extends GatewayProcess {
  /** Its way to the leader. */
  readonly name: (typeof ways)[number]
}

/** As in production: no gateway is fenced while it looks for the new leader. */
const limits = { holdSeconds: 5, upstreamTimeoutMs: timeoutMs, fenceAfterSeconds: 60 }
const settings = { ...config, gateways: 2, limits }
const accounts = 4

/** @param edit changes Patroni's file, to plant a bug */
export async function openScene(
  setUp: SetUp,
  folder: string,
  edit?: (patroni: string) => string,
): Promise<Scene> {
  const cluster = await startCluster(setUp, folder, edit)
  const upstream = startFaultUpstream(1)
  let gateways: readonly SceneGateway[] = []
  async function close(): Promise<void> {
    await Promise.all(gateways.map((gateway) => gateway.kill()))
    await upstream.stop()
    await cluster.stop()
  }
  try {
    const { login, keys } = await makeLedger(cluster)
    gateways = await startGateways(login, upstream, folder)
    return {
      ...{ cluster, gateways, keys, calls: [], close },
      readLoggedCalls: () => readLoggedCalls(cluster.urlOf(database)),
    }
  } catch (error) {
    await close()
    throw error
  }
}

const database = 'ledger'

async function readLoggedCalls(url: string): Promise<Map<string, LoggedCall>> {
  const sql = connect({ url, as: 'owner', max: 1 })
  try {
    const logged = new Map<string, LoggedCall>()
    addToRecord(logged, await readLog(sql))
    return logged
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function makeLedger(cluster: Cluster) {
  const serverUrl = cluster.urlOf('postgres', await cluster.leader())
  const admin = connectToServer(serverUrl, { max: 1, onnotice: () => {} })
  await admin`create database ${admin(database)}`
  const url = cluster.urlOf(database)
  await migrate({ url })
  const login = new URL(await serveAs(admin, serverUrl))
  await admin.end()
  const ledger = await openLedgerAt(url, { tariff, now: new Date(), drop: async () => {} })
  const keys: TestKey[] = []
  for (let i = 0; i < accounts; i++) {
    keys.push(await ledger.key(await ledger.account({ plan: 'wide' })))
  }
  await ledger.close()
  return { login: `${login.username}:${login.password}`, keys }
}

async function startGateways(
  login: string,
  upstream: FaultUpstream,
  folder: string,
): Promise<SceneGateway[]> {
  const hosts = { haproxy: proxyAddress, hosts: serverNames.join(',') }
  return Promise.all(
    ways.map(async (name, i) => {
      const databaseUrl = `postgres://${login}@${hosts[name]}/${database}`
      const highWaterMarkFile = join(folder, `gateway-${i}.json`)
      const env = { TRUSTED_PROXIES: '0' }
      const gateway = await startGatewayProcess({
        ...{ databaseUrl, upstream: upstream.url, config: settings, highWaterMarkFile, env },
      })
      return { ...gateway, name }
    }),
  )
}
