/** A database such as the replaced service leaves behind: its tables, its keys in plain text and their hashes. */
import postgres from 'postgres'
import { createDatabase } from './postgres.ts'

export interface ReplacedService extends AsyncDisposable {
  readonly url: string
  readonly sql: postgres.Sql
  /** Adds a key; returns its id and its text. */
  addKey(key?: Partial<OldRow>): Promise<{ readonly id: string; readonly text: string }>
  addUsage(keyId: string, day: string, more?: Partial<UsageRow>): Promise<void>
}

/** A row of api_keys, of which `id`, `key` and its hash are made up where they are not said. */
export interface OldRow {
  id: string
  key: string
  key_hash: string | null
  key_prefix: string
  user_id: string | null
  organization_id: string | null
  name: string
  description: string | null
  tier: string
  rate_limit: number | null
  monthly_credits: number | null
  credits_used: number
  credits_reset_at: Date | null
  allowed_endpoints: string | null
  allowed_ips: string | null
  active: boolean
  expires_at: Date | null
  last_used_at: Date | null
}

interface UsageRow {
  endpoint: string
  request_count: number
  credits_used: number
  total_latency_ms: number
  error_count: number
}

const tiers = {
  free: { rate_limit: 10, monthly_credits: 100 },
  pro: { rate_limit: 100, monthly_credits: 5_000 },
  enterprise: { rate_limit: 1_000, monthly_credits: 50_000 },
}

export async function openReplacedService(): Promise<ReplacedService> {
  const database = await createDatabase()
  const sql = postgres(database.url, { max: 2, onnotice: () => {} })
  await sql.unsafe(`
    create schema api_gateway;
    create table api_gateway.api_keys (
      id uuid primary key, key varchar(128) not null, key_hash varchar(128), key_prefix varchar(32),
      user_id varchar, organization_id varchar, name varchar(255), description text, tier varchar(32),
      rate_limit integer, monthly_credits integer, credits_used integer default 0,
      credits_reset_at timestamp, allowed_endpoints text, allowed_ips text, active boolean default true,
      expires_at timestamp, last_used_at timestamp, created_at timestamp default now(),
      updated_at timestamp default now());
    create table api_gateway.api_usage_daily (
      api_key_id uuid, date date, endpoint varchar(255), request_count integer, credits_used integer,
      total_latency_ms bigint, error_count integer, primary key (api_key_id, date, endpoint));`)

  const addKey: ReplacedService['addKey'] = async (more = {}) => {
    const prefix = more.key_prefix ?? 'sk_live_'
    const bytes = crypto.getRandomValues(new Uint8Array(24))
    const text = more.key ?? `${prefix}${Buffer.from(bytes).toString('base64url')}`
    const tier = more.tier ?? 'free'
    const row = {
      id: crypto.randomUUID(),
      key: text,
      key_hash: Bun.SHA256.hash(text, 'hex'),
      key_prefix: prefix,
      user_id: `user-${crypto.randomUUID().slice(0, 8)}`,
      organization_id: null,
      name: 'Old key',
      description: null,
      tier,
      ...(tiers[tier as keyof typeof tiers] ?? tiers.free),
      credits_used: 0,
      credits_reset_at: null,
      allowed_endpoints: null,
      allowed_ips: null,
      active: true,
      expires_at: null,
      last_used_at: null,
      ...more,
    }
    await sql`insert into api_gateway.api_keys ${sql(row)}`
    return { id: row.id, text }
  }

  return {
    url: database.url,
    sql,
    addKey,
    async addUsage(keyId, day, more = {}) {
      const row = {
        ...{ api_key_id: keyId, date: day, endpoint: '/v1/search', request_count: 1 },
        ...{ credits_used: 1, total_latency_ms: 100, error_count: 0, ...more },
      }
      await sql`insert into api_gateway.api_usage_daily ${sql(row)}`
    },
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 5 })
      await database.drop()
    },
  }
}
