/** The charges of a key's account, page by page, the newest first. */

import { type LogPosition, type Mode, printPosition } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'

/** A call that was charged. Positions are printed, times are ISO 8601 in UTC. */
export interface ListedCharge {
  readonly requestId: string
  readonly keyId: string
  readonly mode: Mode
  readonly endpoint: string
  readonly credits: number
  readonly refunded: number
  readonly quantity: number
  /** Hash of the tariff that priced the call. */
  readonly tariff: string
  readonly settledAt: string
  readonly position: string
}

export interface ChargePage {
  readonly charges: readonly ListedCharge[]
  /** Where the next page begins: pass it as `before`. Absent where nothing older is left. */
  readonly next?: LogPosition
}

/**
 * So many events of an account one page looks through at most. A page may so have fewer charges than its limit, or none,
 * although more follow.
 */
const maxScanned = 2_000

/**
 * @param keyHash of the secret of a key, whose account it is
 * @param limit at least 1
 */
export async function readOwnCharges(
  sql: Sql,
  keyHash: string,
  { before, limit }: { readonly before?: LogPosition | undefined; readonly limit: number },
): Promise<ChargePage> {
  const [row] = await sql<Page[]>`
    select shard, oldest, charges
    from own_charges_v1(${keyHash}, ${before?.position ?? null}, ${limit + 1}, ${maxScanned})`
  if (!row || (before && before.shard !== row.shard)) return { charges: [] }
  const { shard, oldest } = row
  const charges = row.charges.slice(0, limit)
  const last = row.charges.length > limit ? charges.at(-1)?.position : oldest
  return {
    charges: charges.map((charge) => ({
      ...charge,
      position: printPosition({ shard, position: charge.position }),
    })),
    ...(last !== undefined && last !== null && { next: { shard, position: last } }),
  }
}

interface Page {
  readonly shard: number
  /** The last event that was looked at; null: nothing older is left. */
  readonly oldest: number | null
  readonly charges: readonly (Omit<ListedCharge, 'position'> & { readonly position: number })[]
}
