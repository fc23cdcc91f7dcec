/**
 * Which tariff was in force at each position of a range, as an SQL expression. The tariff in force at a time has the latest
 * beginning by then; of several, it is the last published.
 */
import { type CheckConnection, eventsOf, type LogRange } from '../log-check.ts'
import type { LedgerState, PublishedTariff } from './ledger-state.ts'

export async function tariffInForce(
  state: LedgerState,
  range: LogRange,
  connection: CheckConnection,
): Promise<string> {
  const firsts = await firstPositions(state.tariffs, range, connection)
  const starts = state.tariffs.flatMap((tariff) => {
    const from = Math.max(tariff.position + 1, firsts.get(tariff) ?? Number.POSITIVE_INFINITY)
    return from <= range.upTo ? [{ tariff, from }] : []
  })
  // The later in force first: where it has begun, the others count no more.
  starts.sort((a, b) => b.tariff.from - a.tariff.from || b.tariff.position - a.tariff.position)
  const cases: string[] = []
  for (const { tariff, from } of starts) {
    const hash = `'${tariff.hash}'`
    if (from <= range.after + 1) return cases.length > 0 ? whenElse(cases, hash) : hash
    cases.push(`when e.position >= ${from} then ${hash}`)
  }
  return cases.length > 0 ? whenElse(cases, 'null') : 'null::text'
}

function whenElse(cases: readonly string[], otherwise: string): string {
  return `case ${cases.join(' ')} else ${otherwise} end`
}

/** The first position in the range, or before it, that was recorded when a tariff had begun. */
async function firstPositions(
  tariffs: readonly PublishedTariff[],
  range: LogRange,
  { sql }: CheckConnection,
): Promise<Map<PublishedTariff, number>> {
  const [bounds] = await sql.unsafe<{ first: number | null; last: number | null }[]>(`
    select (extract(epoch from min(recorded_at)) * 1000000)::float8 as first,
      (extract(epoch from max(recorded_at)) * 1000000)::float8 as last
    from ${eventsOf(range)} and position in (${range.after + 1}, ${range.upTo})`)
  const [first, last] = [bounds?.first ?? 0, bounds?.last ?? 0]
  const found = new Map<PublishedTariff, number>()
  for (const tariff of tariffs) {
    if (tariff.from <= first) found.set(tariff, range.after + 1)
    else if (tariff.from <= last) {
      const [row] = await sql.unsafe<{ position: number }[]>(`
        select min(position) as position from ${eventsOf(range)}
          and recorded_at >= timestamptz 'epoch' + ${tariff.from} * interval '1 microsecond'`)
      if (row) found.set(tariff, row.position)
    }
  }
  return found
}
