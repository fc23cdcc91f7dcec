/** The log itself is not what gateways have seen of it. */
import { readFileSync } from 'node:fs'
import { acceptLoss } from '../../../src/ledger/commands/owner-commands.ts'
import { copyDatabase } from '../../support/put-back.ts'
import { until } from '../../support/until.ts'
import { expectThat, type Fault, type Figures } from '../fault.ts'
import type { FaultGateway } from '../gateways.ts'
import { untilAllSell } from '../load.ts'
import { slowest, soldBetween } from '../measure.ts'
import { untilLedgerResponds, type World } from '../world.ts'

export const logFaults: readonly Fault[] = [
  {
    name: 'log/put-back',
    says: 'an older copy of the database takes its place under running gateways, and later gives it back',
    runs: 20,
    async strike(world, load, random): Promise<Figures> {
      const { servers, database } = world
      const copy = await copyDatabase(database, servers.postgres.url)
      await untilLedgerResponds(world)
      // Each gateway sees more than the copy has.
      await untilAllSell(world, random)
      await load.calls(random.int(5, 20))
      await copy.exchange()
      const exchangedAtMs = performance.now()
      await untilLedgerResponds(world)
      await untilFoundOut(world)
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
  {
    name: 'log/put-back-at-restart',
    says: 'an older copy of the database takes its place while all gateways are restarted: they refuse until the loss is accepted',
    runs: 20,
    async strike(world, load, random): Promise<Figures> {
      const { fleet, ledger, servers, database } = world
      const end = random.pick(['kill', 'terminate'] as const)
      const copy = await copyDatabase(database, servers.postgres.url)
      const copiedAt = await ledger.size()
      await untilAllSell(world, random)
      await load.calls(random.int(5, 20))
      // One that is killed keeps what it has stored in time.
      if (end === 'kill')
        await until(() => fleet.active.every((one) => markOf(one) > copiedAt), 15_000)

      await fleet.restart(end, copy.exchange, { keepsMarks: true })
      const restartedAtMs = performance.now()
      await untilFoundOut(world)
      const foundAtMs = performance.now()
      await load.calls(20)
      const sold = soldBetween(world, restartedAtMs, performance.now())
      expectThat(sold.length === 0, `sold by a log that was put back: ${sold.map(({ id }) => id)}`)
      expectThat(slowest(world, restartedAtMs, 503) > 0, 'calls are refused')
      for (const { name, url } of fleet.active) {
        expectThat((await fetch(`${url}/ready`)).status === 503, `${name} says that it is ready`)
      }
      const acceptedMs = await load.rest(async () => {
        const acceptedMs = await sellsOnceAccepted(world)
        await fleet.restart(end, copy.exchange, { keepsMarks: false })
        await copy.drop()
        return acceptedMs
      })
      return {
        'until an older log is found out': foundAtMs - restartedAtMs,
        'until all gateways sell, once the loss is accepted': acceptedMs,
      }
    },
  },
]

/** A gateway has found that the log is not the one that it has seen. */
async function untilFoundOut({ ledger }: World): Promise<void> {
  const found = () =>
    ledger.owner`select 1 from heads where divergence is not null`.then(
      (rows) => rows.length > 0,
      () => false,
    )
  await until(found, 10_000)
}

/** How far the file of a gateway says that it has seen the log. */
function markOf({ markFile }: FaultGateway): number {
  try {
    return JSON.parse(readFileSync(markFile, 'utf8')).shards[0].position
  } catch {
    return 0
  }
}

/**
 * The owner accepts the loss, and every gateway sells. Nobody else calls meanwhile, and no record is kept of these calls: the log
 * that has them goes away again.
 */
async function sellsOnceAccepted({ ledger, fleet, cast, upstream }: World): Promise<number> {
  const before = upstream.executions.length
  const [key] = cast.wide
  const request = {
    method: 'POST',
    headers: { 'X-API-Key': key?.text ?? '', 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: 'sold again' }),
  }
  const sells = async ({ url }: FaultGateway) =>
    (await fetch(`${url}/v1/search`, request)).status === 200
  await acceptLoss(ledger.owner, 0, 'the harness put it back')
  const acceptedAtMs = performance.now()
  await Promise.all(fleet.active.map((gateway) => until(() => sells(gateway), 20_000)))
  upstream.forgetAfter(before)
  return performance.now() - acceptedAtMs
}
