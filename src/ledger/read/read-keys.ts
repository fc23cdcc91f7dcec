/** Keys as management shows them: with their account, their plan and what they used in the present month. */
import type { KeyBudget } from '../../../events/budget.ts'
import type { Mode } from '../../../events/event.ts'
import type { Sum } from '../../lib/sums.ts'
import type { Sql } from '../connect.ts'

export interface KeyRow {
  readonly shard: number
  readonly keyId: string
  readonly accountId: string
  readonly mode: Mode
  readonly version: number
  readonly hash: string
  readonly display: string
  readonly enabled: boolean
  readonly revokedAt: Date | null
  readonly expiresAt: Date | null
  /** Until when the secret from before a rotation is good. The time may be past. */
  readonly previousUntil: Date | null
  /** The permissions that the key has, as routes name them. null: all that the plan gives. */
  readonly endpoints: readonly string[] | null
  /** The key's own limits. null: those of the account. */
  readonly rateLimit: number | null
  readonly monthlyCap: number | null
  readonly budgets: readonly KeyBudget[]
  readonly group: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly ownerKind: 'user' | 'organisation'
  readonly ownerId: string
  readonly accountRateLimit: number | null
  /** The plan in force, and what it gives. null: the tariff in force does not know it. */
  readonly plan: string
  readonly planRateLimit: number | null
  readonly planCredits: number | null
  readonly planEndpoints: 'all' | readonly string[] | null
  /** Credits charged to this key in the present UTC month, less refunds. */
  readonly creditsUsed: Sum
  /** The first instant of the next UTC month. */
  readonly nextMonth: Date
  /** From the daily usage, which is behind by a second at most. */
  readonly lastUsedAt: Date | null
  /** The encryption key of the account. null: the account was erased. */
  readonly accountSecret: Uint8Array | null
  readonly private: Uint8Array | null
  /** The ledger's clock. */
  readonly readAt: Date
}

export async function readKey(sql: Sql, keyId: string): Promise<KeyRow | undefined> {
  const [row] = await selectKeys(sql, sql`where k.key_id = ${keyId}`)
  return row
}

/** How many keys of an account are not revoked. */
export async function countKeys(sql: Sql, accountId: string): Promise<number> {
  const [row] = await sql<[{ keys: number }]>`
    select count(*)::integer as keys from key_state
    where account_id = ${accountId} and revoked_at is null`
  return row.keys
}

/** All keys of an account, revoked or not, the newest first. */
export function readKeysOfAccount(sql: Sql, accountId: string): Promise<KeyRow[]> {
  return selectKeys(
    sql,
    sql`where k.account_id = ${accountId} order by k.created_at desc, k.key_id`,
  )
}

export interface KeyFilter {
  readonly accountId?: string | undefined
  /** Keys of this user's account. */
  readonly userId?: string | undefined
  /** Keys whose account is on this plan now. */
  readonly plan?: string | undefined
  /** true: enabled and not revoked. false: all others. */
  readonly active?: boolean | undefined
}

export interface KeyPage {
  readonly keys: KeyRow[]
  /** How many keys pass the filter, on all pages. */
  readonly total: number
  /** The last key of this page, after which the next one begins; null on the last page. */
  readonly next: string | null
}

/** Where a page begins: after a key, which nothing moves, or so many keys from the newest, which every new key moves. */
export type KeyPageStart = { readonly after?: string | undefined } | { readonly offset: number }

/** A page of keys, the newest first; undefined where the filter knows no key of the name of `after`. */
export async function readKeyPage(
  sql: Sql,
  filter: KeyFilter,
  { limit, ...start }: KeyPageStart & { readonly limit: number },
): Promise<KeyPage | undefined> {
  const { accountId, userId, plan, active } = filter
  const after = 'after' in start ? start.after : undefined
  const last = after === undefined ? undefined : await findKey(sql, after, accountId)
  if (after !== undefined && last === undefined) return undefined
  const matching = () => sql`
    from key_state k
    where true
      ${accountId === undefined ? sql`` : sql`and k.account_id = ${accountId}`}
      ${userId === undefined ? sql`` : sql`and (k.account_id, k.shard) in (${accountsOf(sql, userId)})`}
      ${plan === undefined ? sql`` : sql`and (k.account_id, k.shard) in (${accountsOn(sql, plan)})`}
      ${active === undefined ? sql`` : sql`and (k.enabled and k.revoked_at is null) = ${active}`}`
  // Ids first, so that the rest is looked up for the keys of the page alone.
  const page = sql`
    select k.key_id ${matching()}
      ${last === undefined ? sql`` : sql`and (k.created_at, ${last.keyId}::text) < (${last.createdAt}::timestamptz, k.key_id)`}
    order by k.created_at desc, k.key_id limit ${limit + 1} offset ${'offset' in start ? start.offset : 0}`
  const [[counted], found] = await Promise.all([
    sql<{ total: number }[]>`select count(*) as total ${matching()}`,
    selectKeys(sql, sql`where k.key_id = any(array(${page})) order by k.created_at desc, k.key_id`),
  ])
  const keys = found.slice(0, limit)
  const next = found.length > limit ? (keys.at(-1)?.keyId ?? null) : null
  return { keys, total: counted?.total ?? 0, next }
}

/** The time as text: a JavaScript time has no microseconds. */
async function findKey(sql: Sql, keyId: string, accountId: string | undefined) {
  const [row] = await sql<{ keyId: string; createdAt: string }[]>`
    select key_id as "keyId", created_at::text as "createdAt" from key_state
    where key_id = ${keyId} ${accountId === undefined ? sql`` : sql`and account_id = ${accountId}`}`
  return row
}

function accountsOf(sql: Sql, userId: string) {
  return sql`
    select account_id, shard from account_state
    where owner_kind = 'user' and owner_id = ${userId}`
}

/** Accounts whose plan in force is this one: as `plan_at`, for all accounts at once. */
function accountsOn(sql: Sql, plan: string) {
  return sql`
    select account_id, shard from (
      select distinct on (account_id, shard) account_id, shard, plan from account_plans
      where starts_at <= (select ledger_now())
      order by account_id, shard, position desc
    ) in_force
    where plan = ${plan}`
}

function selectKeys(sql: Sql, which: ReturnType<Sql>): Promise<KeyRow[]> {
  return sql<KeyRow[]>`
    select k.shard, k.key_id as "keyId", k.account_id as "accountId", k.mode, k.version, k.hash,
      k.display, k.enabled, k.revoked_at as "revokedAt", k.expires_at as "expiresAt",
      k.previous_until as "previousUntil", k.endpoints, k.rate_limit as "rateLimit",
      k.monthly_cap as "monthlyCap", coalesce(k.budgets, '[]') as budgets, k.key_group as "group", k.created_at as "createdAt", k.updated_at as "updatedAt",
      a.owner_kind as "ownerKind", a.owner_id as "ownerId", a.rate_limit as "accountRateLimit",
      p.plan, coalesce(c.plan ->> 'rateLimit', c.plan #>> '{rateLimits,0,calls}')::integer as "planRateLimit",
      (c.plan ->> 'credits')::bigint as "planCredits",
      c.plan -> 'endpoints' as "planEndpoints",
      greatest(m.settled - m.refunded, 0) as "creditsUsed",
      (t.month + interval '1 month') at time zone 'UTC' as "nextMonth",
      u.last_used_at as "lastUsedAt", account_secret_v1(k.account_id) as "accountSecret", k.private, t.now as "readAt"
    from key_state k
    join account_state a on a.account_id = k.account_id and a.shard = k.shard
    cross join (
      select now, date_trunc('month', now at time zone 'UTC') as month
      from (select ledger_now() as now) clock
    ) t
    cross join lateral (select plan_at(k.shard, k.account_id, t.now) as plan) p
    left join lateral (
      select content -> 'plans' -> p.plan as plan from tariffs
      where tariffs.shard = k.shard and tariffs.hash = tariff_at(k.shard, t.now) limit 1
    ) c on true
    cross join lateral month_charges(k.shard, k.account_id, k.key_id, k.mode, t.month::date) m
    left join lateral (
      select last_used_at from daily_usage d
      where d.key_id = k.key_id
      order by d.day desc, d.last_used_at desc limit 1
    ) u on true
    ${which}`
}
