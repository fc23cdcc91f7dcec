import type { Plan } from '../../../events/tariffs.ts'
import type { Sql } from '../../ledger/connect.ts'
import { printMicros } from '../log-reader/micros.ts'
import type { Moment } from './moment.ts'

export interface TariffAsOf {
  readonly hash: string
  readonly from: string
  readonly position: number
  readonly plans: Readonly<Record<string, Plan>>
  readonly prices: Readonly<Record<string, Record<string, unknown>>>
}

/** The tariff in force; undefined where there was none yet. */
export async function readTariffAsOf(
  sql: Sql,
  { shard, position, now }: Moment,
): Promise<TariffAsOf | undefined> {
  const [row] = await sql<{ position: number; payload: Omit<TariffAsOf, 'position'> }[]>`
    select e.position, e.payload
    from tariffs t join events e on e.position = t.position and e.shard = t.shard
    where t.shard = ${shard} and e.position <= ${position} and e.type = 'TariffPublished'
      and (e.payload ->> 'from')::timestamptz <= ${printMicros(now)}::text::timestamptz
    order by (e.payload ->> 'from')::timestamptz desc, e.position desc
    limit 1`
  if (!row) return undefined
  const { hash, from, plans, prices } = row.payload
  return { hash, from, plans, prices, position: row.position }
}
