import type { Sql } from '../../ledger/connect.ts'
import {
  type Days,
  isInDays,
  isUsageOf,
  sumFigures,
  type UsageLine,
  type UsageOf,
} from './usage-figures.ts'

export interface DailyUsage extends UsageLine {
  /** `YYYY-MM-DD` */
  readonly date: string
}

/** Usage by day and endpoint, the latest day first. */
export function readUsageByDay(sql: Sql, of: UsageOf & Days): Promise<DailyUsage[]> {
  return sql<DailyUsage[]>`
    select to_char(d.day, 'YYYY-MM-DD') as date, d.endpoint, ${sumFigures(sql)}, sum(d.quantity) as quantity
    from daily_usage d
    where ${isUsageOf(sql, of)} and ${isInDays(sql, of)}
    group by d.day, d.endpoint
    order by d.day desc, d.endpoint`
}
