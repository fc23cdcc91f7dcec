/**
 * Joins append_v1.sql and its parts into the one function that PostgreSQL runs. A part is written as a block: `declare`, where it
 * has variables of its own, then `begin` and `end`. Its variables go to the function's declarations, and its statements replace
 * its name in append_v1.sql. A part without `begin` is a query, and is put in as it is.
 */
import { maxAmount, maxUnspentCredits } from '../../../../events/bounds.ts'
import { batchColumns, eventTypeOfKind, openingKinds, purchaseKinds } from '../../append/batch.ts'
import { fillIn } from '../fill-in.ts'
import { liveLots, moveHead, tariffInForce } from '../fragments/index.ts'
import frame from './append_v1.sql' with { type: 'text' }
import beginAccount from './begin_account.sql' with { type: 'text' }
import beginBatch from './begin_batch.sql' with { type: 'text' }
import beginCommand from './begin_command.sql' with { type: 'text' }
import checkBatch from './check_batch.sql' with { type: 'text' }
import checkBudgets from './check_budgets.sql' with { type: 'text' }
import checkCap from './check_cap.sql' with { type: 'text' }
import checkClaim from './check_claim.sql' with { type: 'text' }
import checkCredits from './check_credits.sql' with { type: 'text' }
import checkKey from './check_key.sql' with { type: 'text' }
import checkPlan from './check_plan.sql' with { type: 'text' }
import checkRequest from './check_request.sql' with { type: 'text' }
import checkTerms from './check_terms.sql' with { type: 'text' }
import countInBudgets from './count_in_budgets.sql' with { type: 'text' }
import countInCap from './count_in_cap.sql' with { type: 'text' }
import countVolume from './count_volume.sql' with { type: 'text' }
import decideCount from './decide_count.sql' with { type: 'text' }
import decideResolution from './decide_resolution.sql' with { type: 'text' }
import decideVoidOnLease from './decide_void_on_lease.sql' with { type: 'text' }
import drawOnLots from './draw_on_lots.sql' with { type: 'text' }
import endCommand from './end_command.sql' with { type: 'text' }
import findDrawable from './find_drawable.sql' with { type: 'text' }
import findHash from './find_hash.sql' with { type: 'text' }
import findProducer from './find_producer.sql' with { type: 'text' }
import freeInBudgets from './free_in_budgets.sql' with { type: 'text' }
import freeInCap from './free_in_cap.sql' with { type: 'text' }
import grantDueLots from './grant_due_lots.sql' with { type: 'text' }
import keepResults from './keep_results.sql' with { type: 'text' }
import notePurchase from './note_purchase.sql' with { type: 'text' }
import noteResolution from './note_resolution.sql' with { type: 'text' }
import priceByTiers from './price_by_tiers.sql' with { type: 'text' }
import readState from './read_state.sql' with { type: 'text' }
import readTerms from './read_terms.sql' with { type: 'text' }
import repayDebts from './repay_debts.sql' with { type: 'text' }
import returnToLots from './return_to_lots.sql' with { type: 'text' }
import tellCredits from './tell_credits.sql' with { type: 'text' }
import writeEvents from './write_events.sql' with { type: 'text' }

/** By the names of their files, in the order of the function. */
const appendParts = {
  check_batch: checkBatch,
  find_producer: findProducer,
  begin_batch: beginBatch,
  read_state: readState,
  begin_account: beginAccount,
  read_terms: readTerms,
  begin_command: beginCommand,
  check_request: checkRequest,
  check_key: checkKey,
  check_claim: checkClaim,
  check_terms: checkTerms,
  check_plan: checkPlan,
  price_by_tiers: priceByTiers,
  find_drawable: findDrawable,
  check_cap: checkCap,
  check_budgets: checkBudgets,
  check_credits: checkCredits,
  grant_due_lots: grantDueLots,
  draw_on_lots: drawOnLots,
  count_in_cap: countInCap,
  count_in_budgets: countInBudgets,
  note_purchase: notePurchase,
  decide_count: decideCount,
  decide_void_on_lease: decideVoidOnLease,
  decide_resolution: decideResolution,
  return_to_lots: returnToLots,
  free_in_cap: freeInCap,
  free_in_budgets: freeInBudgets,
  note_resolution: noteResolution,
  count_volume: countVolume,
  end_command: endCommand,
  write_events: writeEvents,
  find_hash: findHash,
  repay_debts: repayDebts,
  tell_credits: tellCredits,
  keep_results: keepResults,
}

export type AppendPart = keyof typeof appendParts

/** @param changed parts to use instead of those of the files */
export function joinAppend(changed: Partial<Record<AppendPart, string>> = {}): string {
  const parts = Object.entries({ ...appendParts, ...changed }).map(([name, text]) => ({
    name,
    ...parsePart(fillIn(text, values)),
  }))
  return fillIn(frame, {
    ...values,
    ...Object.fromEntries(parts.map(({ name, statements }) => [name, statements])),
    declarations: parts.map(({ declarations }) => declarations).join(''),
  })
}

const written = batchColumns.filter(({ use }) => use !== 'decides')

const kindsWithCredits = [...purchaseKinds, 'settle']
const kindsWithQuantity = [
  ...['hold', 'extend', 'charge_on_lease', 'void_on_lease', 'settle'],
  ...['count', 'count_refused'],
]
const quoted = (kind: string) => `'${kind}'`

/** Of the first of an account's commands; null of the others. */
const firstAccount = 'case when c.nth_of_account = 1 then c.account_id end'

/** What the parts have of the batch's columns and kinds, and of the fragments. */
const values = {
  parameters: batchColumns.map(({ name, sqlType }) => `in_${name} ${sqlType}[]`).join(',\n'),
  dimensions: list(batchColumns, ({ name }) => `array_dims(in_${name})`),
  purchases: list(purchaseKinds, quoted),
  max_amount: String(maxAmount),
  max_unspent_credits: String(maxUnspentCredits),
  max_safe_integer: String(Number.MAX_SAFE_INTEGER),
  // Amounts are bounded, so that a bigint holds whatever is added up of them here, and every gateway can read it.
  is_in_range: `(coalesce(in_credits[command.nth] between 0 and ${maxAmount}, command.kind not in (${list(kindsWithCredits, quoted)}))
    and coalesce(in_quantity[command.nth] between 0 and ${maxAmount}, command.kind not in (${list(kindsWithQuantity, quoted)})))`,
  // Nearly no purchase has any, and to ask for all at once costs as little as for one.
  has_limits:
    '(command.monthly_cap is not null or account.budgets is not null or command.key_budgets is not null)',
  openings: list(openingKinds, quoted),
  kinds: list(Object.keys(eventTypeOfKind), quoted),
  texts_taken_apart: list(
    ['kind', 'request_id', 'account_id', 'key_id', 'mode', 'payload'],
    (name) => `array_append(in_${name}, null) as ${name}`,
  ),
  columns_written: list(written, ({ name }) => `in_${name}[nth] as ${name}`),
  event_type: `case in_kind[nth] ${Object.entries(eventTypeOfKind)
    .map(([kind, type]) => `when '${kind}' then '${type}'`)
    .join(' ')} end`,
  tariff_in_force: tariffInForce({
    shard: 'in_shard',
    time: 'v_now',
    more: ', t.pricing_plans, t.plans, t.plan_credits, t.plan_max_in_flight',
  }),
  move_head: moveHead({ shard: 'in_shard', position: 'v_position', time: 'v_now', hash: 'v_hash' }),
  live_lots: liveLots({ shard: 'in_shard', account: firstAccount, mode: 'c.mode', time: 'v_now' }),
}

function list<T>(values: readonly T[], textOf: (value: T) => string): string {
  return values.map(textOf).join(', ')
}

interface ParsedPart {
  readonly declarations: string
  readonly statements: string
}

/** The block's own indentation goes. */
function parsePart(text: string): ParsedPart {
  const block = /^((?:--.*\n)*)(?:declare\n((?: .*\n)+))?begin\n((?: .*\n|\n)+)end\n$/.exec(text)
  if (!block) return { declarations: '', statements: text }
  const [, comment = '', declarations = '', statements = ''] = block
  const outdented = (lines: string) => lines.replace(/^ {2}/gm, '')
  return { declarations: outdented(declarations), statements: comment + outdented(statements) }
}
