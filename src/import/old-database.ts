/**
 * The database of the service that Tollbook replaces. It is read and never written. It has its keys in plain text
 * too; of that column only each key's last four characters are read, which lists show.
 */
import type postgres from 'postgres'
import { openServer } from '../ledger/connection/find-server.ts'
import { openPostgres } from '../ledger/connection/open-postgres.ts'
import { parseDatabaseUrl } from '../ledger/connection/parse-database-url.ts'

export interface OldKey {
  readonly id: string
  /** Hex SHA-256 of the whole key. */
  readonly hash: string | null
  /** The last four characters. */
  readonly ending: string | null
  readonly prefix: string | null
  readonly userId: string | null
  readonly organizationId: string | null
  readonly name: string | null
  readonly description: string | null
  readonly tier: string | null
  readonly rateLimit: number | null
  readonly monthlyCredits: number | null
  readonly creditsUsed: number | null
  readonly creditsResetAt: Date | null
  /** Credits of the present UTC month, according to the daily usage. */
  readonly creditsOfMonth: number
  /** JSON texts. */
  readonly allowedEndpoints: string | null
  readonly allowedIps: string | null
  readonly active: boolean
  readonly expiresAt: Date | null
  readonly lastUsedAt: Date | null
  readonly createdAt: Date | null
}

/** A key's calls of an endpoint on a day. */
export interface OldUsage {
  readonly keyId: string
  /** `YYYY-MM-DD` */
  readonly day: string
  readonly endpoint: string
  readonly calls: number
  readonly errors: number
  readonly credits: number
  readonly latencyMsSum: number
}

export interface OldDatabase {
  /** @param month `YYYY-MM`, the present one */
  readKeys(month: string): Promise<OldKey[]>
  countUsage(): Promise<number>
  /** All daily usage in pages, ordered by key and day. */
  readUsage(): AsyncIterable<readonly OldUsage[]>
  close(): Promise<void>
}

const pageSize = 5_000

export function openOldDatabase(url: string): OldDatabase {
  const address = parseDatabaseUrl(url)
  const watch = { maxSilenceSeconds: 3_600, onUnfit: () => {} }
  const sql = openPostgres(address, () => openServer(address), watch, {
    max: 1,
    connection: {
      application_name: 'tollbook import',
      // Its times have no zone: it wrote them in UTC.
      timezone: 'UTC',
      default_transaction_read_only: true,
    },
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  }) as unknown as postgres.Sql<{ bigint: number }>

  return {
    readKeys: (month) => sql<OldKey[]>`
      select k.id::text as id, k.key_hash::text as hash, right(k."key", 4) as ending,
        k.key_prefix::text as prefix, k.user_id::text as "userId",
        k.organization_id::text as "organizationId", k.name::text as name,
        k.description::text as description, k.tier::text as tier, k.rate_limit::bigint as "rateLimit",
        k.monthly_credits::bigint as "monthlyCredits", k.credits_used::bigint as "creditsUsed",
        k.credits_reset_at::timestamptz as "creditsResetAt",
        coalesce((
          select sum(u.credits_used) from api_gateway.api_usage_daily u
          where u.api_key_id::text = k.id::text and to_char(u.date::date, 'YYYY-MM') = ${month}
        ), 0)::bigint as "creditsOfMonth",
        k.allowed_endpoints::text as "allowedEndpoints", k.allowed_ips::text as "allowedIps",
        coalesce(k.active, false) as active, k.expires_at::timestamptz as "expiresAt",
        k.last_used_at::timestamptz as "lastUsedAt", k.created_at::timestamptz as "createdAt"
      from api_gateway.api_keys k
      order by k.created_at, k.id::text`,

    async countUsage() {
      const [row] = await sql<[{ rows: number }]>`
        select count(*) as rows from api_gateway.api_usage_daily`
      return row.rows
    },

    readUsage: () =>
      sql<OldUsage[]>`
        select u.api_key_id::text as "keyId", to_char(u.date::date, 'YYYY-MM-DD') as day,
          coalesce(u.endpoint::text, '') as endpoint, coalesce(u.request_count, 0)::bigint as calls,
          coalesce(u.error_count, 0)::bigint as errors, coalesce(u.credits_used, 0)::bigint as credits,
          round(coalesce(u.total_latency_ms, 0))::bigint as "latencyMsSum"
        from api_gateway.api_usage_daily u
        order by 1, 2, 3`.cursor(pageSize),

    close: () => sql.end({ timeout: 1 }),
  }
}
