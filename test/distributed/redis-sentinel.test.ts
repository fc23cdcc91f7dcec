// A master with two replicas behind three Sentinels, under load, that dies.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { RateLimiter } from '../../src/gate/rate-limit/rate-limiter.ts'
import { startSentinels, type TestSentinels } from '../support/redis-sentinels.ts'
import { mostInSpan, openGateways, startLoad, untilSeen } from './rate-limit-load.ts'

const span = { limit: 180, windowMs: 2_000 }
const accounts = Array.from({ length: 6 }, (_, n) => `acc_${n}`)
/** A decision is seen a little after it is made, so a slightly shorter time span is looked at. */
const seenMs = span.windowMs - 200

const isInstalled = Bun.which('redis-server') !== null
let sentinels: TestSentinels
const gateways: RateLimiter[] = []

beforeAll(async () => {
  if (isInstalled) sentinels = await startSentinels()
})
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()))
  await sentinels?.stop()
})

test.skipIf(!isInstalled)(
  'a master that dies is replaced: at most 2N in any span, local for a span and ten seconds at most, and no call fails',
  async () => {
    gateways.push(...(await openGateways(sentinels.url, 3)))
    const load = startLoad(gateways, accounts, span)
    const lastAreDegraded = (are: boolean, sinceMs = 0) =>
      accounts.every((account) => {
        const last = load.decided
          .filter((each) => each.account === account && each.atMs > sinceMs)
          .slice(-9)
        return last.length === 9 && last.every(({ degraded }) => degraded === are)
      })
    await untilSeen(() => lastAreDegraded(false))
    const first = await sentinels.master()
    await first.kill('SIGKILL')
    const killedMs = performance.now()
    await untilSeen(() => lastAreDegraded(true, killedMs))
    await untilSeen(() => lastAreDegraded(false, killedMs))
    const backMs = performance.now()
    await untilSeen(() => performance.now() - backMs > span.windowMs)
    await load.stop()

    expect((await sentinels.master()).port).not.toBe(first.port)
    expect(load.failed).toEqual([])
    for (const account of accounts) {
      expect(mostInSpan(load.decided, account, seenMs)).toBeLessThanOrEqual(2 * span.limit)
    }
    console.log(
      `decided by a promoted replica ${Math.round(backMs - killedMs)} ms after its master died`,
    )
    expect(backMs - killedMs).toBeLessThan(span.windowMs + 10_000)
    expect(Math.max(...load.decided.map(({ tookMs }) => tookMs))).toBeLessThan(2_000)
  },
)

test.skipIf(!isInstalled)(
  'a gateway that starts after a failover does not trust a master that was promoted for less than a span',
  async () => {
    // Of this time span, nobody has known the promoted master for as long.
    const limits = [{ key: '{late:live}', limit: 100, windowMs: 3_600_000 }]
    const [late] = await openGateways(sentinels.url, 1)
    if (!late) throw new Error('no gateway')
    // The only gateway there is has nobody to exceed a limit with.
    expect((await late.takePermit(limits)).degraded).toBe(false)
    await late.close()
    const [one, two] = await openGateways(sentinels.url, 2)
    if (!one || !two) throw new Error('no gateway')
    gateways.push(one, two)
    expect((await one.takePermit(limits)).degraded).toBe(true)
    const short = [{ key: '{late:live}', limit: 100, windowMs: 1_000 }]
    // The gateways from before have known it for longer than that, and it says so.
    expect((await two.takePermit(short)).degraded).toBe(false)
  },
)
