/**
 * Usage between two days by one dimension, from daily_usage or from the log itself. Both must give the same figures;
 * see usage-figures.ts for what they count. Only the log has hours.
 */
import type { Sql } from '../../ledger/connect.ts'
import { compareSums, ratioOfSums, type Sum } from '../../lib/sums.ts'
import { readNames, type UsageDimension } from './usage-dimensions.ts'
import type { UsageFigures } from './usage-figures.ts'
import {
  type DimensionQuery,
  mergeSums,
  readSumsOfLog,
  readSumsOfProjection,
  type UsageSum,
} from './usage-sums.ts'

interface UsageQuery extends DimensionQuery {
  readonly over: 'log' | 'projection'
}

export interface UsageRow extends UsageFigures {
  /**
   * A key's id, `user anna`, the account's present plan, an endpoint, `2026-01-31`, or `2026-01-31 23:00` in UTC.
   */
  readonly name: string
  /** Errors by requests, 0 to 1. */
  readonly errorRate: number
  /** In the endpoint's unit; null where the rows are not endpoints, because units differ. */
  readonly quantity: Sum | null
}

/** Days, hours and endpoints are in their order; other rows begin with those that were charged most. */
export async function readUsageBy(sql: Sql, query: UsageQuery): Promise<UsageRow[]> {
  const { by, over } = query
  const inLog = over === 'log' || by === 'hour'
  const sums = inLog ? await readSumsOfLog(sql, query) : await readSumsOfProjection(sql, query)
  const nameOf = await readNames(sql, by, inLog)
  const rows = [...mergeSums(sums, nameOf)].map(([name, sum]) => rowOf(name, sum, by))
  const inOrder = by === 'day' || by === 'hour' || by === 'endpoint'
  return rows.sort(
    (a, b) => (inOrder ? 0 : compareSums(b.credits, a.credits)) || (a.name < b.name ? -1 : 1),
  )
}

function rowOf(name: string, sum: UsageSum, by: UsageDimension): UsageRow {
  const { requests, errors, credits, quantity, latencyMsSum } = sum
  return {
    ...{ name, requests, errors, credits },
    errorRate: ratioOfSums(errors, requests),
    avgLatencyMs: requests === 0 ? null : Math.round(ratioOfSums(latencyMsSum, requests)),
    quantity: by === 'endpoint' ? quantity : null,
  }
}
