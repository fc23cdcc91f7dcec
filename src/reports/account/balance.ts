import type { Budget } from '../../../events/budget.ts'
import { type Mode, printPosition } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'

/** An account's present balance of one mode, from one consistent read. */
export interface Balance {
  /** What a call could hold: credits that are free on live lots, and the allowance and overage that are due, less the debt. */
  readonly available: number
  readonly held: number
  /** What an adjustment could not take. Credits that become free, or are granted, repay it first. */
  readonly debt: number
  /** Lots that have not expired, and expired ones with an open hold, in draw order. */
  readonly lots: readonly LotBalance[]
  readonly allowance: {
    /** `YYYY-MM`, the present month. */
    readonly month: string
    readonly granted: number
    /** What the plan gives beyond that. The next call grants it. */
    readonly due: number
  }
  /** What the plan gives for overage beyond all lots: it is billed as it is used. The next call grants it. */
  readonly overageDue: number
  /** What counts in the present month. `calls` are those that were charged or free, not those that failed. */
  readonly month: { readonly settled: Sum; readonly refunded: Sum; readonly calls: Sum }
  readonly budgets: readonly BudgetUse[]
}

/** A budget in its present day, week or month. */
interface BudgetUse extends Budget {
  /** As events name it: whose it is, its span and its time zone. */
  readonly name: string
  /** What calls have been charged, less refunds, and what they hold. */
  readonly used: Sum
  readonly left: number
  readonly startsAt: string
  readonly endsAt: string
}

interface LotBalance {
  /** Position of its CreditsGranted, printed. */
  readonly lot: string
  readonly kind: string
  readonly granted: number
  readonly settled: number
  readonly held: number
  readonly refunded: number
  readonly adjusted: number
  /** What lapsed of it after its month, beyond what rolls over. */
  readonly lapsed: number
  /** What a call could draw now: nothing before the lot starts, nothing after it has expired, no more than rolls over, and no overage while credits are owed. */
  readonly available: number
  /** Of an allowance that is good after its month: how much of such lots is kept then; null: of another lot. */
  readonly rolloverMax: number | null
  readonly startsAt: string
  readonly expiresAt: string | null
}

interface Row {
  shard: number
  month: string
  debt: number
  allowance_granted: number
  allowance_due: number
  overage_due: number
  month_settled: Sum
  month_refunded: Sum
  month_calls: Sum
  lots: (Omit<LotBalance, 'lot'> & { lot: number })[]
  budgets: BudgetUse[]
}

/** @returns undefined when the ledger does not have the account */
export async function readBalance(
  sql: Sql,
  accountId: string,
  mode: Mode,
): Promise<Balance | undefined> {
  const [row] = await sql<Row[]>`
    select b.*, budgets_of(${accountId}, ${mode}, null) as budgets from balance_of(${accountId}, ${mode}) b`
  return row && balanceFrom(row)
}

/**
 * The balance of a key's account in the key's mode, as the key itself may ask for it.
 * @param keyHash of the key's secret
 */
export async function readOwnBalance(sql: Sql, keyHash: string): Promise<Balance | undefined> {
  const [row] = await sql<Row[]>`
    select b.*, own_budgets_v1(${keyHash}) as budgets from own_balance_v1(${keyHash}) b`
  return row && balanceFrom(row)
}

function balanceFrom(row: Row): Balance {
  const lots = row.lots.map((lot) => ({
    ...lot,
    lot: printPosition({ shard: row.shard, position: lot.lot }),
    startsAt: isoText(lot.startsAt),
    expiresAt: lot.expiresAt === null ? null : isoText(lot.expiresAt),
  }))
  const sum = (of: (lot: LotBalance) => number) => lots.reduce((total, lot) => total + of(lot), 0)
  return {
    available: Math.max(
      sum((lot) => lot.available) + row.allowance_due + row.overage_due - row.debt,
      0,
    ),
    held: sum((lot) => lot.held),
    debt: row.debt,
    lots,
    allowance: { month: row.month, granted: row.allowance_granted, due: row.allowance_due },
    overageDue: row.overage_due,
    month: {
      settled: row.month_settled,
      refunded: row.month_refunded,
      calls: row.month_calls,
    },
    budgets: row.budgets.map(({ startsAt, endsAt, ...budget }) => ({
      ...budget,
      ...{ startsAt: isoText(startsAt), endsAt: isoText(endsAt) },
    })),
  }
}

/** As the ledger wrote it, where a Date cannot have the time. */
function isoText(time: string): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? time : date.toISOString()
}
