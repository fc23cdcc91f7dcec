/** Accounts as management shows them, the plans in force, and what an account used in the present month. */
import type { AccountProfile } from '../../../events/account.ts'
import type { Budget } from '../../../events/budget.ts'
import type { Mode } from '../../../events/event.ts'
import type { Plan } from '../../../events/tariffs.ts'
import type { Sum } from '../../lib/sums.ts'
import { unsealProfile } from '../account-profile.ts'
import type { Sql } from '../connect.ts'

/** Plans as the ledger has them. A plan that is not grantable is kept by the accounts that have it, and given to no other. */
export type Plans = Readonly<Record<string, Plan & { readonly grantable?: boolean }>>

export interface AccountRow {
  readonly shard: number
  readonly accountId: string
  readonly version: number
  readonly ownerKind: 'user' | 'organisation'
  readonly ownerId: string
  /** The account's own limits. null: those of its plan. */
  readonly rateLimit: number | null
  readonly maxInFlight: number | null
  readonly frozen: boolean
  readonly erased: boolean
  readonly budgets: readonly Budget[]
  readonly openedAt: Date
  /** Every plan that was ever decided on, in the order of the decisions. Times are ISO 8601. */
  readonly schedule: readonly { readonly plan: string; readonly from: string }[]
  readonly secret: Uint8Array | null
  /** Who its owner is. */
  readonly profile: AccountProfile
  /** The ledger's clock. */
  readonly readAt: Date
}

export async function readAccount(sql: Sql, accountId: string): Promise<AccountRow | undefined> {
  const [row] = await sql<(Omit<AccountRow, 'profile'> & { private: Uint8Array | null })[]>`
    select a.shard, a.account_id as "accountId", a.version, a.owner_kind as "ownerKind",
      a.owner_id as "ownerId", a.rate_limit as "rateLimit", a.max_in_flight as "maxInFlight",
      a.frozen, a.erased, coalesce(a.budgets, '[]') as budgets, a.opened_at as "openedAt", account_secret_v1(a.account_id) as secret, a.private, t.now as "readAt", (
        select coalesce(json_agg(json_build_object('plan', p.plan, 'from', p.starts_at)
          order by p.position), '[]')
        from account_plans p where p.account_id = a.account_id and p.shard = a.shard
      ) as schedule
    from account_state a
    cross join (select ledger_now() as now) t
    where a.account_id = ${accountId}`
  return row && { ...row, profile: unsealProfile(row) }
}

/** The keys that accounts' private fields are sealed under. An erased account has none. */
export async function readSecrets(
  sql: Sql,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const rows = await sql<{ accountId: string; secret: Uint8Array }[]>`
    select "accountId", secret from (
      select id as "accountId", account_secret_v1(id) as secret
      from unnest(${[...new Set(accountIds)]}::text[]) id
    ) found
    where secret is not null`
  return new Map(rows.map(({ accountId, secret }) => [accountId, secret]))
}

/** The plans of the tariff in force, and the ledger's time; undefined: no tariff is in force. */
export async function readPlans(
  sql: Sql,
  shard: number,
): Promise<{ readonly plans: Plans; readonly readAt: Date } | undefined> {
  const [row] = await sql<{ plans: Plans; readAt: Date }[]>`
    select t.content -> 'plans' as plans, clock.now as "readAt"
    from (select ledger_now() as now) clock
    join tariffs t on t.shard = ${shard} and t.hash = tariff_at(${shard}::smallint, clock.now)
    limit 1`
  return row
}

/** What an account used in the present month, and what of it resets gave back. */
export interface MonthUse {
  /** Credits charged to all keys in this UTC month, less refunds. */
  readonly used: Sum
  /** Credits of grants of this month whose externalId begins with `reset:`. */
  readonly resetCredits: Sum
  /** How many such grants there are. */
  readonly resets: number
  readonly nextMonth: Date
  readonly readAt: Date
}

export async function readMonthUse(sql: Sql, accountId: string, mode: Mode): Promise<MonthUse> {
  const [row] = await sql<[MonthUse]>`
    select t.now as "readAt", t.month_end as "nextMonth",
      (select greatest(coalesce(sum(m.settled - m.refunded), 0), 0)
        from account_state a, month_charges(a.shard, a.account_id, null, ${mode}, t.month::date) m
        where a.account_id = ${accountId}) as used,
      coalesce(r.credits, 0) as "resetCredits", coalesce(r.resets, 0) as resets
    from (
      select now, month, (month + interval '1 month') at time zone 'UTC' as month_end
      from (
        select now, date_trunc('month', now at time zone 'UTC') as month
        from (select ledger_now() as now) clock
      ) of_month
    ) t
    left join lateral (
      select sum(l.granted) as credits, count(*) as resets
      from lots l
      join events e on e.position = l.lot and e.shard = l.shard
      where l.account_id = ${accountId} and l.mode = ${mode} and l.kind = 'promotional'
        and l.expires_at = t.month_end and starts_with(e.payload ->> 'externalId', 'reset:')
    ) r on true`
  return row
}
