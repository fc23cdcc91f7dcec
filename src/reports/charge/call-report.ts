/** All that the ledger has of one call, for operators: its receipt, its events, and what its price said. */
import type { RecordedEvent } from '../../../events/event.ts'
import { isOpeningOrNot } from '../../../events/openings.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readTariff } from '../../ledger/read/read-tariffs.ts'
import { priceForPlan } from '../../pricing/plan-prices.ts'
import { shortPriceText } from '../../pricing/price-text.ts'
import { selectEvents } from '../log-reader/select-events.ts'
import { type CallReceipt, readCallReceipt } from './call-receipt.ts'

export interface CallReport {
  readonly call: CallReceipt
  /** The price by which it was sold; null where nothing was held for it. */
  readonly price: {
    /** In a few words. */
    readonly words: string
    /** The plan whose own price it is; null: everyone's. */
    readonly plan: string | null
  } | null
  /** In the order of the log; none of a call that was refused before anything was held. */
  readonly events: readonly RecordedEvent[]
}

/** @returns undefined when nothing is known of a call of this id */
export async function readCallReport(sql: Sql, requestId: string): Promise<CallReport | undefined> {
  const call = await readCallReceipt(sql, requestId)
  if (!call) return undefined
  if (call.status === 'refused') return { call, price: null, events: [] }
  const events = await selectEvents(
    sql,
    sql`where request_id = ${requestId} and ${sql.unsafe(isOpeningOrNot)} order by shard, position`,
  )
  const plan = events.map(({ payload }) => payload.plan).find((name) => typeof name === 'string')
  return { call, price: await priceOf(sql, call, plan ?? null), events }
}

async function priceOf(
  sql: Sql,
  { tariff, endpoint }: Exclude<CallReceipt, { status: 'refused' }>,
  plan: string | null,
): Promise<CallReport['price']> {
  const content = await readTariff(sql, tariff)
  const rule = content && priceForPlan(content, endpoint, plan)
  return rule ? { words: shortPriceText(rule, content.credits), plan } : null
}
