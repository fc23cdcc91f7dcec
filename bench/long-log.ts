/** The same calls on a ledger that has only begun and on one with a long log, taking turns. */
import { projections } from '../projections/index.ts'
import { connect } from '../src/ledger/connect.ts'
import { rebuildAll } from '../src/projector/rebuild/rebuild.ts'
import { startBareProxy } from './parts/bare-proxy.ts'
import { startBenchGateway } from './parts/gateway.ts'
import { type BenchLedger, copyOf, fillAccounts, freshDatabase } from './parts/ledger.ts'
import { callFromEach, contender, keysOf, type Target, warmUp } from './parts/measure.ts'
import { search } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'
import { seedLog } from './seed-log.ts'
import type { Bench, Family } from './suite/bench.ts'
import { names } from './suite/names.ts'
import { takeTurns } from './suite/turns.ts'

const connections = 128
const seededKeys = 10_000

export const longLog: Family = {
  name: 'long-log',
  summary: 'calls/s on a ledger with a long log (--log-events) against a new one',
  run: measureFamily,
}

export const longLogRow = `${connections} connections`
export const onLedger = (contenderName: string, ledger: 'new' | 'long') =>
  `${contenderName}, on ${ledger === 'new' ? 'a new ledger' : 'a long log'}`

async function measureFamily(bench: Bench): Promise<void> {
  const { accounts, logEvents } = bench.sizes
  const ledgers = {
    new: await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_new'),
    long: await fillLongLedger(bench.serverUrl, logEvents, accounts),
  }
  await using upstream = await startUpstream()
  await using bare = await startBareProxy(upstream.url, 'buffered')
  const setup = { redisUrl: bench.redis.url, upstream: upstream.url }
  await using onNew = await startBenchGateway({ ...setup, databaseUrl: ledgers.new.url })
  await using onLong = await startBenchGateway({ ...setup, databaseUrl: ledgers.long.url })
  const charged = { new: onNew, long: onLong }
  const targets: Target[] = [
    { ...bare, name: names.bare, keys: keysOf(ledgers.new.keys), shape: search },
    ...(['new', 'long'] as const).flatMap((which): Target[] => {
      const keys = keysOf(ledgers[which].keys)
      const target = { ...charged[which], shape: search }
      return [
        { ...target, name: onLedger(names.manyKeys, which), keys },
        { ...target, name: onLedger(names.oneKey, which), keys: keys.slice(0, 1) },
      ]
    }),
  ]
  for (const target of targets) {
    await callFromEach(target)
    await warmUp(target, connections, bench)
  }
  const contenders = targets.map((target) => contender(target, connections, bench))
  await takeTurns(longLog.name, bench.rounds, [{ name: longLogRow, contenders }], bench.record)
}

/** A history of months whose projections are built, and the bench's accounts after it. */
async function fillLongLedger(
  serverUrl: string,
  events: number,
  accounts: number,
): Promise<BenchLedger> {
  const url = await freshDatabase(serverUrl, 'tollbook_bench_long')
  console.error(`long-log: writing ${events.toLocaleString('en')} events…`)
  await seedLog(url, { events, keys: seededKeys })
  const sql = connect({ url, as: 'owner', max: 1 })
  await sql.unsafe('vacuum analyze')
  await sql.end()
  console.error('long-log: building the projections…')
  await rebuildAll(projections, { url })
  return fillAccounts(url, accounts, new Date().toISOString())
}
