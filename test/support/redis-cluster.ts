/** A Redis Cluster on this machine: three masters with a replica each. */
import { Redis } from 'ioredis'
import { freePort } from '../../src/postgres/free-port.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { until } from './until.ts'

export interface ClusterNode extends TestRedis {
  /** For commands of the test. */
  readonly client: Redis
  readonly id: string
}

export interface TestCluster {
  /** `redis+cluster://127.0.0.1:A,127.0.0.1:B,…` */
  readonly url: string
  /** The node that is the master of this slot, as another one says that is not `except`. */
  masterOf(slot: number, except?: ClusterNode): Promise<ClusterNode>
  /** Begins to move a slot; resolves with what moves its keys, and what ends it. */
  beginMove(
    slot: number,
    from: ClusterNode,
    to: ClusterNode,
  ): Promise<{ moveKeys(): Promise<number>; end(): Promise<void> }>
  readonly nodes: readonly ClusterNode[]
  stop(): Promise<void>
}

const slotCount = 16_384

export async function startCluster(nodeTimeoutMs = 3_000): Promise<TestCluster> {
  const nodes = await Promise.all(Array.from({ length: 6 }, () => startNode(nodeTimeoutMs)))
  const [first] = nodes
  if (!first) throw new Error('no node')
  const masters = nodes.slice(0, 3)
  const share = Math.ceil(slotCount / masters.length)
  await Promise.all(nodes.map(({ client }, n) => client.call('CLUSTER', 'SET-CONFIG-EPOCH', n + 1)))
  await Promise.all(
    masters.map(({ client }, n) =>
      client.call('CLUSTER', 'ADDSLOTSRANGE', n * share, Math.min((n + 1) * share, slotCount) - 1),
    ),
  )
  for (const { client } of nodes.slice(1)) {
    const bus = Number(((await first.client.call('CONFIG', 'GET', 'cluster-port')) as string[])[1])
    await client.call('CLUSTER', 'MEET', '127.0.0.1', first.port, bus)
  }
  await until(async () => (await knownNodes(nodes)).every((count) => count === nodes.length))
  await Promise.all(
    nodes
      .slice(3)
      .map(({ client }, n) => client.call('CLUSTER', 'REPLICATE', masters[n]?.id ?? '')),
  )
  await until(async () => {
    const replies = await Promise.all(nodes.map(({ client }) => client.call('CLUSTER', 'INFO')))
    const infos = await Promise.all(nodes.slice(3).map(({ client }) => client.info('replication')))
    return (
      replies.every((reply) => String(reply).includes('cluster_state:ok')) &&
      infos.every((info) => info.includes('master_link_status:up'))
    )
  })

  async function masterOf(slot: number, except?: ClusterNode): Promise<ClusterNode> {
    for (const { client } of nodes.filter((node) => node !== except && isRunning(node))) {
      const shards = (await client.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
      const [, , master] = shards.find(([from, to]) => from <= slot && slot <= to) ?? []
      const found = nodes.find(({ port }) => port === master?.[1])
      if (found) return found
    }
    throw new Error(`nobody has slot ${slot}`)
  }

  return {
    url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    nodes,
    masterOf,
    async beginMove(slot, from, to) {
      await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
      await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
      return {
        async moveKeys() {
          let moved = 0
          for (;;) {
            const keys = (await from.client.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[]
            if (keys.length === 0) return moved
            const target = ['127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys]
            await from.client.call('MIGRATE', target)
            moved += keys.length
          }
        },
        async end() {
          await to.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
          await from.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
        },
      }
    },
    async stop() {
      for (const { client } of nodes) client.disconnect()
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

const isRunning = ({ client }: ClusterNode) => client.status === 'ready'

async function startNode(nodeTimeoutMs: number, attempts = 3): Promise<ClusterNode> {
  const started = startRedis(undefined, {
    'cluster-enabled': 'yes',
    // The usual one, the port and ten thousand, may be beyond the last there is.
    'cluster-port': await freePort(),
    'cluster-node-timeout': nodeTimeoutMs,
    'cluster-config-file': 'nodes.conf',
    // Else all masters refuse every call while the slots of one have none.
    'cluster-require-full-coverage': 'no',
  })
  // Another process may have taken a port that was free.
  const redis = await started.catch((error: unknown) => {
    if (attempts === 1) throw error
  })
  if (!redis) return startNode(nodeTimeoutMs, attempts - 1)
  const client = new Redis(redis.url)
  client.on('error', () => {}) // it is killed by the test
  const id = String(await client.call('CLUSTER', 'MYID'))
  return { ...redis, client, id }
}

async function knownNodes(nodes: readonly ClusterNode[]): Promise<number[]> {
  return Promise.all(
    nodes.map(async ({ client }) => {
      const lines = String(await client.call('CLUSTER', 'NODES'))
        .trim()
        .split('\n')
      return lines.filter((line) => !line.includes('handshake')).length
    }),
  )
}
