/**
 * The rounds of a comparison, in every second of which the order is the other way round. Processes are new after a
 * few of them: two that run the same code can differ by a tenth for as long as they live, and only more of them
 * even that out.
 */
import type { Bench } from '../suite/bench.ts'
import { type Contender, takeRound } from '../suite/turns.ts'
import { type FilledCheckout, fillEach, startWorker, type Worker } from './checkout.ts'

/** How one checkout is measured, by the name of the circumstances. */
export type Measurements = ReadonlyMap<string, Contender['measure']>

const roundsOfAProcess = 3

/** @param prepare warms up what it starts; `n` numbers the checkouts */
export async function compare(
  family: string,
  bench: Bench,
  prepare: (checkout: FilledCheckout, worker: Worker, n: number) => Promise<Measurements>,
): Promise<void> {
  const { record, rounds } = bench
  await using servers = new AsyncDisposableStack()
  const checkouts = await fillEach(bench, servers)
  for (let first = 1; first <= rounds; first += roundsOfAProcess) {
    await using workers = new AsyncDisposableStack()
    const rows = new Map<string, Contender[]>()
    for (const [n, checkout] of checkouts.entries()) {
      const worker = workers.use(startWorker(checkout))
      for (const [row, measure] of await prepare(checkout, worker, n)) {
        const contender = { name: checkout.name, measure: tidied(checkout, measure) }
        rows.set(row, [...(rows.get(row) ?? []), contender])
      }
    }
    const exceedsAccount = Math.min(first + roundsOfAProcess, rounds + 1)
    for (let round = first; round < exceedsAccount; round++) {
      const inTurn = [...rows].map(([name, contenders]) => ({
        name,
        contenders: round % 2 === 1 ? contenders : contenders.toReversed(),
      }))
      await takeRound(family, { round, rounds }, inTurn, record)
    }
  }
}

function tidied({ tidy }: FilledCheckout, measure: Contender['measure']): Contender['measure'] {
  return async () => {
    await tidy()
    return measure()
  }
}
