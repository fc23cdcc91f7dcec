// A Redis Cluster of three masters and three replicas, under load, of which a master dies, and of which a slot moves.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { RateLimiter } from '../../src/gate/rate-limit/rate-limiter.ts'
import { slotOf } from '../../src/gate/rate-limit/redis-slots.ts'
import { type ClusterNode, startCluster, type TestCluster } from '../support/redis-cluster.ts'
import { openShop } from '../support/shop.ts'
import {
  limitsOf,
  longestDegraded,
  mostInSpan,
  openGateways,
  prefix,
  startLoad,
  tagOf,
  untilSeen,
} from './rate-limit-load.ts'

const span = { limit: 180, windowMs: 2_000 }
/** Four on each third of the slots, which is one master's at first. */
const accounts = [0, 1, 2].flatMap((third) =>
  Array.from({ length: 1_000 }, (_, n) => `acc_${n}`)
    .filter((account) => Math.floor((slotOfAccount(account) * 3) / 16_384) === third)
    .slice(0, 4),
)
/** A decision is seen a little after it is made, so a slightly shorter time span is looked at. */
const seenMs = span.windowMs - 200
/** Losing a connection and making it again takes less. */
const reconnectMs = 1_000

const isInstalled = Bun.which('redis-server') !== null
let cluster: TestCluster
const gateways: RateLimiter[] = []

beforeAll(async () => {
  if (isInstalled) cluster = await startCluster()
})
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()))
  await cluster?.stop()
})

function slotOfAccount(account: string): number {
  return slotOf(prefix + tagOf(account))
}

async function decidedByRedis(): Promise<void> {
  await untilSeen(async () => {
    const decisions = await Promise.all(
      gateways.flatMap((gateway) =>
        accounts.map((account) => gateway.takePermit(limitsOf(account, span.limit, span.windowMs))),
      ),
    )
    return decisions.every(({ degraded }) => !degraded)
  })
}

test.skipIf(!isInstalled)(
  'counts for all gateways together, on whichever node an account is',
  async () => {
    gateways.push(...(await openGateways(cluster.url, 3)))
    await decidedByRedis()
    const limits = [{ key: '{another:live}', limit: 10, windowMs: span.windowMs }]
    const decisions = await Promise.all(
      gateways.flatMap((gateway) => [1, 2, 3, 4, 5].map(() => gateway.takePermit(limits))),
    )
    expect(decisions.every(({ degraded }) => !degraded)).toBe(true)
    expect(decisions.filter(({ allowed }) => allowed).length).toBe(10)
    expect(gateways.every((gateway) => !gateway.degraded)).toBe(true)
  },
)

test.skipIf(!isInstalled)(
  'a slot that moves is decided locally meanwhile, and nobody else is degraded',
  async () => {
    const [account = ''] = accounts
    const slot = slotOfAccount(account)
    const from = await cluster.masterOf(slot)
    const to = cluster.nodes.find((node, n) => n < 3 && node !== from) as ClusterNode
    const load = startLoad(gateways, accounts, span)
    const since = (ms: number) => load.decided.filter(({ atMs }) => atMs >= ms)
    const move = await cluster.beginMove(slot, from, to)
    expect(await move.moveKeys()).toBeGreaterThan(0)
    const leftMs = performance.now()
    await untilSeen(() => since(leftMs).some((each) => each.account === account && each.degraded))
    // For as long as the slot is on its way, the account is limited locally.
    await untilSeen(() => since(leftMs).filter((each) => each.account === account).length > 300)
    await move.end()
    const endedMs = performance.now()
    await untilSeen(() => since(endedMs).some((each) => each.account === account && !each.degraded))
    const decidedMs = performance.now()
    await untilSeen(() => performance.now() - decidedMs > span.windowMs)
    await load.stop()

    expect(load.failed).toEqual([])
    for (const each of accounts) {
      expect(mostInSpan(load.decided, each, seenMs)).toBeLessThanOrEqual(2 * span.limit)
      if (each === account) continue
      expect(longestDegraded(load.decided, each)).toBeLessThan(reconnectMs)
    }
    expect(decidedMs - endedMs).toBeLessThan(span.windowMs + 10_000)
    // The new master is not asked before it has been one for a time span.
    expect(decidedMs - endedMs).toBeGreaterThan(span.windowMs - 100)
  },
)

test.skipIf(!isInstalled)(
  'a master that dies is replaced: at most 2N in any span, local for a span and ten seconds at most, and no call fails',
  async () => {
    const plan = {
      ...{ rateLimit: 50, windowMs: span.windowMs, credits: 1_000_000, maxInFlight: 10 },
      ...{ endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } },
    }
    const config = { gateways: 2, plans: { brief: plan } }
    const shop = await openShop({ config, redisUrl: cluster.url })
    const key = await shop.newKey('brief')
    const slot = slotOf(`${prefix}{${key.account.accountId}:live}`)
    const calls: { status: number; degraded: boolean; atMs: number }[] = []
    let isStopped = false
    async function callOn(): Promise<void> {
      while (!isStopped) {
        const response = await shop.post('/v1/search', { query: 'q' }, { key: key.text })
        await response.text()
        const degraded = response.headers.get('x-ratelimit-degraded') === 'true'
        calls.push({ status: response.status, degraded, atMs: performance.now() })
        await Bun.sleep(20)
      }
    }
    const calling = callOn()
    const load = startLoad(gateways, accounts, span)
    try {
      await untilSeen(() => calls.at(-1)?.degraded === false)
      const victim = await cluster.masterOf(slot)
      const owners = new Map<string, ClusterNode>()
      for (const each of accounts) owners.set(each, await cluster.masterOf(slotOfAccount(each)))
      const struck = accounts.filter((each) => owners.get(each) === victim)
      expect(struck).not.toBeEmpty()
      await victim.kill('SIGKILL')
      const killedMs = performance.now()
      const after = () => load.decided.filter(({ atMs }) => atMs > killedMs)
      await untilSeen(() =>
        struck.every((each) => after().some((one) => one.account === each && one.degraded)),
      )
      await untilSeen(() => calls.some((each) => each.degraded))
      await untilSeen(
        () =>
          struck.every((each) => isDecidedByRedis(after(), each)) &&
          calls.at(-1)?.degraded === false,
      )
      const backMs = performance.now()
      await untilSeen(() => performance.now() - backMs > span.windowMs)
      await load.stop()

      expect(load.failed).toEqual([])
      for (const each of accounts) {
        expect(mostInSpan(load.decided, each, seenMs)).toBeLessThanOrEqual(2 * span.limit)
        if (struck.includes(each)) continue
        expect(longestDegraded(load.decided, each)).toBeLessThan(reconnectMs)
      }
      console.log(
        `decided by a promoted replica ${Math.round(backMs - killedMs)} ms after its master died`,
      )
      expect(backMs - killedMs).toBeLessThan(span.windowMs + 10_000)
      expect(calls.filter(({ status }) => status !== 200 && status !== 429)).toEqual([])
      expect(Math.max(...load.decided.map(({ tookMs }) => tookMs))).toBeLessThan(2_000)
    } finally {
      isStopped = true
      await calling
      await load.stop()
      await shop.close()
    }
  },
)

/** Whether the last calls of all gateways were decided there. */
function isDecidedByRedis(
  decided: readonly { account: string; degraded: boolean }[],
  account: string,
): boolean {
  const last = decided.filter((each) => each.account === account).slice(-9)
  return last.length === 9 && last.every(({ degraded }) => !degraded)
}
