/** Refusals per second: what a client costs who is turned away, against a proxy that turns nobody away. */
import { startBareProxy } from './parts/bare-proxy.ts'
import { startBenchGateway } from './parts/gateway.ts'
import { copyOf, openAccounts } from './parts/ledger.ts'
import { callFromEach, contender, keysOf, type Target, warmUp } from './parts/measure.ts'
import { search } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'
import type { Bench, Family } from './suite/bench.ts'
import { names } from './suite/names.ts'
import { takeTurns } from './suite/turns.ts'

/** Of each kind of client who is refused by the ledger or by the rate limit. */
const accounts = 100
const connections = 128

export const refusals: Family = {
  name: 'refusals',
  summary: 'calls that are refused: malformed and unknown keys, no credit, over the rate',
  run: measureFamily,
}

async function measureFamily(bench: Bench): Promise<void> {
  const ledger = await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_refusals')
  const broke = await openAccounts(ledger.url, { accounts, plan: 'broke', named: 'broke' })
  const slow = await openAccounts(ledger.url, { accounts, plan: 'slow', named: 'slow' })
  await using upstream = await startUpstream()
  await using bare = await startBareProxy(upstream.url, 'buffered')
  await using gateway = await startBenchGateway({
    ...{ databaseUrl: ledger.url, redisUrl: bench.redis.url, upstream: upstream.url },
  })
  const refusing = { ...gateway, shape: search }
  const good = ledger.keys[0]?.key ?? ''
  const targets: Target[] = [
    { ...bare, name: names.bare, keys: keysOf(ledger.keys.slice(0, accounts)), shape: search },
    { ...refusing, name: refused.malformed, keys: [`${good.slice(0, -1)}_`], status: 401 },
    { ...refusing, name: refused.credit, keys: keysOf(broke), status: 402 },
    { ...refusing, name: refused.rate, keys: keysOf(slow), status: 429 },
  ]
  // The slow ones have one call an hour, and this is it.
  for (const target of targets) await callFromEach(target)
  for (const target of targets) await warmUp(target, connections, bench)
  const contenders = targets.map((target) => contender(target, connections, bench))
  await takeTurns(refusals.name, bench.rounds, [{ name: refusalsRow, contenders }], bench.record)
}

export const refusalsRow = `${connections} connections`

export const refused = {
  malformed: '401, a malformed key',
  credit: `402, ${accounts} keys without credit`,
  rate: `429, ${accounts} keys over their rate`,
} as const
