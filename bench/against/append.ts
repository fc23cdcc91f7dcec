/** Processor time of an appended event, in this checkout's appender and PostgreSQL and in those of others. */
import { processorSeconds } from '../parts/postgres-use.ts'
import type { Bench } from '../suite/bench.ts'
import type { Figures } from '../suite/samples.ts'
import type { FilledCheckout, Worker } from './checkout.ts'
import type { Append } from './protocol.ts'
import { compare } from './rounds.ts'

export const appendAgainst = 'append, compared'

/** @param rows what is measured, by the name of the circumstance */
export function compareAppends(
  bench: Bench,
  rows: ReadonlyMap<string, Pick<Append, 'accounts' | 'inFlight'>>,
): Promise<void> {
  const { seconds, sizes, warmUpSeconds } = bench
  return compare(appendAgainst, bench, async (checkout, worker) => {
    const append = (how: Omit<Append, 'task' | 'ledger'>) =>
      worker.ask({ task: 'append', ledger: checkout.ledger, ...how })
    // The first call of every account grants its month's allowance.
    await append({ accounts: 'many', inFlight: sizes.accounts, seconds: 1 })
    if (warmUpSeconds > 0) {
      await append({ accounts: 'many', inFlight: 100, seconds: warmUpSeconds })
    }
    return new Map(
      [...rows].map(([row, how]) => [row, () => measure(checkout, worker, { ...how, seconds })]),
    )
  })
}

async function measure(
  { server, ledger }: FilledCheckout,
  worker: Worker,
  how: Omit<Append, 'task' | 'ledger'>,
): Promise<Figures> {
  const used = () => (server.pid === undefined ? undefined : processorSeconds(server.pid))
  const before = used()
  const { events, ...figures } = await worker.ask({ task: 'append', ledger, ...how })
  const after = used()
  if (before === undefined || after === undefined) return figures
  const postgresUs = ((after - before) / events) * 1e6
  return { ...figures, postgresUs, togetherUs: postgresUs + figures.appenderUs }
}
