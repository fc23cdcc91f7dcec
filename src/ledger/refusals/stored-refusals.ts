/** The last calls of each account that were refused, which are kept for a day, so that one can be asked about by its id. */
import type { Mode } from '../../../events/event.ts'
import type { Sql } from '../connect.ts'
import type { KeyRecord } from '../read/read-key-by-hash.ts'

/** So many of an account. */
export const maxRefusalsKept = 1_000

/** A call that was refused, and of which the log says nothing. */
export interface RefusedCall {
  readonly requestId: string
  readonly key: KeyRecord
  readonly endpoint: string
  /** The code that its client read. */
  readonly reason: string
  /** What its client read beside the code: credits and positions. */
  readonly figures: Readonly<Record<string, number | string>>
  /** On the monotonic clock. */
  readonly refusedAtMs: number
}

/** So many travel in one statement. */
const maxAtOnce = 1_000

export async function storeRefusals(sql: Sql, calls: readonly RefusedCall[]): Promise<void> {
  for (let from = 0; from < calls.length; from += maxAtOnce) {
    const rows = calls.slice(from, from + maxAtOnce).map((call) => {
      const { requestId, key, endpoint, reason, figures, refusedAtMs } = call
      const { accountId, keyId, mode } = key
      const ageMs = performance.now() - refusedAtMs
      return { requestId, accountId, keyId, mode, endpoint, reason, figures, ageMs }
    })
    await sql`select store_refusals_v1(${JSON.stringify(rows)}::text::json, ${maxRefusalsKept})`
  }
}

/** Forgets up to so many refusals that are older than a day. Returns whether there may be more. */
export async function forgetRefusals(sql: Sql, max = 10_000): Promise<boolean> {
  const [row] = await sql<[{ forgotten: number }]>`select forget_refusals_v1(${max}) as forgotten`
  return row.forgotten === max
}

export interface StoredRefusal
  extends Pick<RefusedCall, 'requestId' | 'endpoint' | 'reason' | 'figures'> {
  readonly accountId: string
  readonly keyId: string
  readonly mode: Mode
  readonly refusedAt: Date
}

/** The refusal of that call, if it is among those that are kept. */
export async function readStoredRefusal(
  sql: Sql,
  requestId: string,
): Promise<StoredRefusal | undefined> {
  const [row] = await sql<[StoredRefusal?]>`
    select request_id as "requestId", account_id as "accountId", key_id as "keyId", mode, endpoint, reason, figures,
      refused_at as "refusedAt"
    from refused_calls where request_id = ${requestId}`
  return row
}
