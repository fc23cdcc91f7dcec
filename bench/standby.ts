/** The same calls with and without a synchronous standby on the same machine, taking turns: what waiting for its commit adds. */
import { connect } from '../src/ledger/connect.ts'
import { startServerPair } from '../test/support/standby.ts'
import { startBenchGateway } from './parts/gateway.ts'
import { fillLedger } from './parts/ledger.ts'
import { callFromEach, contender, keysOf, type Target, warmUp } from './parts/measure.ts'
import { search } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'
import type { Bench, Family } from './suite/bench.ts'
import { names } from './suite/names.ts'
import { type Contender, takeTurns } from './suite/turns.ts'

const standbyName = 'bench'
const commits = {
  without: 'without a standby',
  confirmed: 'with a synchronous standby',
} as const

export const standby: Family = {
  name: 'standby',
  summary: 'latency of calls with and without a synchronous standby on the same machine',
  run: measureFamily,
}

async function measureFamily(bench: Bench): Promise<void> {
  const pair = await startServerPair(async () => ({}), standbyName)
  try {
    const serverUrl = `postgres://${pair.login}@127.0.0.1:${pair.primaryPort}/postgres`
    const ledger = await fillLedger(serverUrl, 'tollbook_bench_standby', bench.sizes.accounts)
    await using upstream = await startUpstream()
    await using gateway = await startBenchGateway({
      ...{ databaseUrl: ledger.url, redisUrl: bench.redis.url, upstream: upstream.url },
    })
    const keys = keysOf(ledger.keys)
    const target: Target = { ...gateway, name: names.manyKeys, keys, shape: search }
    await callFromEach(target)
    await warmUp(target, 32, bench)
    const rows = [1, 32].map((connections) => ({
      name: connections === 1 ? '1 connection' : `${connections} connections`,
      contenders: [target, { ...target, name: names.oneKey, keys: keys.slice(0, 1) }].flatMap(
        (each) =>
          (['without', 'confirmed'] as const).map((which): Contender => {
            const { name, measure } = contender(each, connections, bench)
            return {
              name: `${name}, ${commits[which]}`,
              async measure() {
                await waitFor(serverUrl, which === 'confirmed')
                return measure()
              },
            }
          }),
      ),
    }))
    await takeTurns(standby.name, bench.rounds, rows, bench.record)
  } finally {
    await pair.stop()
  }
}

/** Whether commits wait for the standby from now on. */
async function waitFor(serverUrl: string, confirmed: boolean): Promise<void> {
  const sql = connect({ url: serverUrl, as: 'owner', max: 1 })
  const named = confirmed ? `ANY 1 (${standbyName})` : ''
  await sql.unsafe(`alter system set synchronous_standby_names = '${named}'`)
  await sql.unsafe('select pg_reload_conf()')
  for (;;) {
    const [row] = await sql.unsafe<[{ names: string; states: string[] }]>(
      `select current_setting('synchronous_standby_names') as names,
         array(select sync_state from pg_stat_replication) as states`,
    )
    if (row.names === named && row.states.includes(confirmed ? 'quorum' : 'async')) break
    await Bun.sleep(20)
  }
  await sql.end()
}
