/** The log itself is not what gateways have seen of it. */
import { copyDatabase } from '../../support/put-back.ts'
import { until } from '../../support/until.ts'
import { expectThat, type Fault, type Figures } from '../fault.ts'
import { untilAllSell } from '../load.ts'
import { soldBetween } from '../measure.ts'
import { untilLedgerResponds } from '../world.ts'

export const logFaults: readonly Fault[] = [
  {
    name: 'log/put-back',
    says: 'an older copy of the database takes its place under running gateways, and later gives it back',
    runs: 20,
    async strike(world, load, random): Promise<Figures> {
      const { ledger, servers, database } = world
      const copy = await copyDatabase(database, servers.postgres.url)
      await untilLedgerResponds(world)
      // Each gateway sees more than the copy has.
      await untilAllSell(world, random)
      await load.calls(random.int(5, 20))
      await copy.exchange()
      const exchangedAtMs = performance.now()
      await untilLedgerResponds(world)
      const found = () =>
        ledger.owner`select 1 from heads where divergence is not null`.then(
          (rows) => rows.length > 0,
          () => false,
        )
      await until(found, 10_000)
      const foundAtMs = performance.now()
      await load.calls(20)
      const endedAtMs = performance.now()
      const sold = soldBetween(world, foundAtMs + 100, endedAtMs)
      await copy.exchange()
      await untilLedgerResponds(world)
      await copy.drop()
      expectThat(sold.length === 0, `sold by a log that was put back: ${sold.map(({ id }) => id)}`)
      return {
        'until an older log is found out': foundAtMs - exchangedAtMs,
        'until all gateways sell, once the log is right': await untilAllSell(world, random),
      }
    },
  },
]
