/** The months of an account that have statements, the newest first, with what each comes to. */
import type { Mode } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'

export interface StatementMonth {
  /** `YYYY-MM` in UTC. */
  readonly month: string
  readonly granted: Sum
  readonly charged: Sum
  readonly refunded: Sum
  /** Calls that were charged or free. */
  readonly calls: Sum
}

/** From the month in which the account was opened to the present one. @returns undefined when there is no such account */
export async function readStatementMonths(
  sql: Sql,
  accountId: string,
  mode: Mode,
): Promise<StatementMonth[] | undefined> {
  const rows = await sql<StatementMonth[]>`
    select to_char(m.month, 'YYYY-MM') as month, coalesce(sum(b.granted), 0) as granted,
      coalesce(sum(b.settled), 0) as charged, coalesce(sum(b.refunded), 0) as refunded, coalesce(sum(b.calls), 0) as calls
    from account_state a
    cross join generate_series(date_trunc('month', a.opened_at at time zone 'UTC'), ledger_now() at time zone 'UTC',
      interval '1 month') m (month)
    left join monthly_balances b on b.account_id = a.account_id and b.mode = ${mode} and b.month = m.month::date
    where a.account_id = ${accountId}
    group by m.month
    order by m.month desc`
  return rows.length === 0 ? undefined : rows
}
