/** What usage can be added up by. */
import type { Sql } from '../../ledger/connect.ts'

export const usageDimensions = ['key', 'owner', 'plan', 'endpoint', 'day', 'hour'] as const
export type UsageDimension = (typeof usageDimensions)[number]

/** The column of a dimension. Owners and plans follow from the account. */
export function dimensionColumn(sql: Sql, by: UsageDimension) {
  switch (by) {
    case 'key':
      return sql`d.key_id`
    case 'owner':
    case 'plan':
      return sql`d.account_id`
    case 'endpoint':
      return sql`d.endpoint`
    case 'day':
      return sql`to_char(d.day, 'YYYY-MM-DD')`
    case 'hour':
      return sql`to_char(d.hour, 'YYYY-MM-DD HH24:MI')`
    default:
      return by satisfies never
  }
}

/** A function that names the values of a dimension's column. */
export async function readNames(
  sql: Sql,
  by: UsageDimension,
  inLog: boolean,
): Promise<(name: string) => string> {
  if (by !== 'owner' && by !== 'plan') return (name) => name
  const rows = await (by === 'owner' ? readOwners(sql, inLog) : readPlans(sql, inLog))
  const names = new Map(rows.map(({ accountId, name }) => [accountId, name]))
  return (accountId) => names.get(accountId) ?? ''
}

interface Named {
  readonly accountId: string
  readonly name: string
}

function readOwners(sql: Sql, inLog: boolean): Promise<Named[]> {
  return inLog
    ? sql<Named[]>`
        select account_id as "accountId",
          (payload #>> '{owner,kind}') || ' ' || (payload #>> '{owner,id}') as name
        from events where type = 'AccountOpened' and stream_version is not null`
    : sql<Named[]>`
        select account_id as "accountId", owner_kind || ' ' || owner_id as name from account_state`
}

function readPlans(sql: Sql, inLog: boolean): Promise<Named[]> {
  return inLog
    ? sql<Named[]>`
        select distinct on (account_id) account_id as "accountId", payload ->> 'plan' as name
        from events
        where type = 'PlanStarted' and stream_version is not null
          and (payload ->> 'from')::timestamptz <= ledger_now()
        order by account_id, position desc`
    : sql<Named[]>`
        select distinct on (account_id) account_id as "accountId", plan as name
        from account_plans
        where starts_at <= ledger_now()
        order by account_id, position desc`
}
