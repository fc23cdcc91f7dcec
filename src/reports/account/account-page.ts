import type { Owner } from '../../../events/account.ts'
import { foldName, unsealProfile } from '../../ledger/account-profile.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'

/** An account in a list for operators. */
export interface ListedAccount {
  readonly accountId: string
  readonly owner: Owner
  /** As it is described; null: it is not, or it was erased. */
  readonly name: string | null
  readonly plan: string
  readonly state: 'open' | 'frozen' | 'erased'
  /** Keys that are not revoked. */
  readonly keys: number
  /** Charged in the present UTC month in live mode, refunds deducted. */
  readonly creditsUsed: Sum
  readonly openedAt: string
}

interface AccountFilter {
  readonly plan?: string | undefined
  readonly state?: ListedAccount['state'] | undefined
  /** A part of its name, its contact or the owner's id, or the id of the account, or of one of its keys. */
  readonly search?: string | undefined
  /** true: accounts that owe credits, in any mode. */
  readonly owes?: boolean | undefined
}

export interface AccountPage {
  readonly accounts: ListedAccount[]
  /** How many accounts pass the filter, on all pages. */
  readonly total: number
  /** The last account of this page, after which the next one begins; null on the last page. */
  readonly next: string | null
}

/**
 * A page of accounts, the newest first; undefined where the ledger has no account of the name of `after`.
 * @param sql of the role of management: names are sealed
 */
export async function readAccountPage(
  sql: Sql,
  { plan, state, search, owes }: AccountFilter,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<AccountPage | undefined> {
  const last = after === undefined ? undefined : await findAccount(sql, after)
  if (after !== undefined && last === undefined) return undefined
  const matching = () => sql`
    from (
      select a.*, plan_at(a.shard, a.account_id, clock.now) as plan, clock.now,
        case when a.erased then 'erased' when a.frozen then 'frozen' else 'open' end as state
      from account_state a cross join (select ledger_now() as now offset 0) clock
    ) a
    where true
      ${plan === undefined ? sql`` : sql`and a.plan = ${plan}`}
      ${state === undefined ? sql`` : sql`and a.state = ${state}`}
      ${search === undefined ? sql`` : sql`and ${isFound(sql, search)}`}
      ${owes === undefined ? sql`` : sql`and ${owesCredits(sql)} = ${owes}`}`
  const [counted] = await sql<{ total: number }[]>`select count(*) as total ${matching()}`
  const rows = await sql<
    (Omit<ListedAccount, 'owner' | 'name' | 'openedAt'> & {
      ownerKind: Owner['kind']
      ownerId: string
      openedAt: Date
      secret: Uint8Array | null
      private: Uint8Array | null
    })[]
  >`
    select a."accountId", a."ownerKind", a."ownerId", coalesce(a.plan, '') as plan, a.state, a."openedAt",
      a.private, case when a.private is not null then account_secret_v1(a."accountId") end as secret,
      (select count(*) from key_state k
        where k.account_id = a."accountId" and k.shard = a.shard and k.revoked_at is null) as keys,
      (select greatest(m.settled - m.refunded, 0)
        from month_charges(a.shard, a."accountId", null, 'live', date_trunc('month', a.now at time zone 'UTC')::date) m
      ) as "creditsUsed"
    from (
      select a.account_id as "accountId", a.shard, a.owner_kind as "ownerKind", a.owner_id as "ownerId",
        a.plan, a.state, a.opened_at as "openedAt", a.private, a.now
      ${matching()}
        ${last === undefined ? sql`` : sql`and (a.opened_at, ${last.accountId}::text) < (${last.openedAt}::timestamptz, a.account_id)`}
      order by a.opened_at desc, a.account_id
      limit ${limit + 1}
    ) a
    order by a."openedAt" desc, a."accountId"`
  const accounts = rows
    .slice(0, limit)
    .map(({ ownerKind, ownerId, openedAt, secret, private: sealed, ...row }) => ({
      ...row,
      name: unsealProfile({ accountId: row.accountId, secret, private: sealed }).name,
      owner: { kind: ownerKind, id: ownerId },
      openedAt: openedAt.toISOString(),
    }))
  const next = rows.length > limit ? (accounts.at(-1)?.accountId ?? null) : null
  return { accounts, total: counted?.total ?? 0, next }
}

function isFound(sql: Sql, search: string) {
  return sql`(
    a.account_id = ${search} or strpos(lower(a.owner_id), lower(${search})) > 0
    or a.account_id in (select find_accounts_v1(${foldName(search)}))
    or a.account_id = (select k.account_id from key_state k where k.key_id = ${search} limit 1))`
}

function owesCredits(sql: Sql) {
  return sql`exists (
    select from balances b where b.account_id = a.account_id and b.shard = a.shard and b.debt > 0)`
}

/** The time as text: a JavaScript time has no microseconds. */
async function findAccount(sql: Sql, accountId: string) {
  const [row] = await sql<{ accountId: string; openedAt: string }[]>`
    select account_id as "accountId", opened_at::text as "openedAt" from account_state
    where account_id = ${accountId}`
  return row
}
