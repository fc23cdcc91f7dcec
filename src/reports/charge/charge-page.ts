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

export interface PageOfCharges {
  readonly before?: LogPosition | undefined
  /** At least 1. */
  readonly limit: number
}

/** @param keyHash of the secret of a key, whose account it is */
export async function readOwnCharges(
  sql: Sql,
  keyHash: string,
  page: PageOfCharges,
): Promise<ChargePage> {
  const [row] = await sql<Page[]>`
    select shard, oldest, charges
    from own_charges_v1(${keyHash}, ${page.before?.position ?? null}, ${page.limit + 1}, ${maxScanned})`
  return pageFrom(row, page)
}

/** The same of an account. */
export async function readCharges(
  sql: Sql,
  accountId: string,
  page: PageOfCharges,
): Promise<ChargePage> {
  const [row] = await sql<Page[]>`
    select a.shard, c.oldest, c.charges
    from account_state a
    cross join lateral charges_of(a.shard, a.account_id, ${page.before?.position ?? null}, ${page.limit + 1}, ${maxScanned}) c
    where a.account_id = ${accountId}`
  return pageFrom(row, page)
}

function pageFrom(row: Page | undefined, { before, limit }: PageOfCharges): ChargePage {
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
