/** The SQL functions, in an order in which each finds what it calls. */
import { maxAmount, maxUnspentCredits, timesEnd } from '../../../../events/bounds.ts'
import { catalogue } from '../../../../events/catalogue.ts'
import { resolvingTypes, secretTypes, typesWith } from '../../../../events/event-types.ts'
import { isOpening, isOpeningOrNot } from '../../../../events/openings.ts'
import { typeIn } from '../../../../events/type-condition.ts'
import { capUse, capUsingTypes, monthOfEvent } from '../../../../projections/key-caps.ts'
import { mapValues } from '../../../lib/map-values.ts'
import { joinAppend } from '../append/join-append.ts'
import { fillIn } from '../fill-in.ts'
import { liveLots, moveHead, tariffInForce } from '../fragments/index.ts'
import acceptLossV1 from './accept_loss_v1.sql' with { type: 'text' }
import accountSecretV1 from './account_secret_v1.sql' with { type: 'text' }
import adjustV1 from './adjust_v1.sql' with { type: 'text' }
import allowanceDue from './allowance_due.sql' with { type: 'text' }
import allowanceOfMonth from './allowance_of_month.sql' with { type: 'text' }
import budgetInBatch from './budget_in_batch.sql' with { type: 'text' }
import budgetSpanStart from './budget_span_start.sql' with { type: 'text' }
import budgetsLeft from './budgets_left.sql' with { type: 'text' }
import budgetsOf from './budgets_of.sql' with { type: 'text' }
import { functionsOfCalls } from './calls/index.ts'
import capUsed from './cap_used.sql' with { type: 'text' }
import checkInstance from './check_instance.sql' with { type: 'text' }
import checkMark from './check_mark.sql' with { type: 'text' }
import checkPayload from './check_payload.sql' with { type: 'text' }
import claimVerdict from './claim_verdict.sql' with { type: 'text' }
import claimedPayload from './claimed_payload.sql' with { type: 'text' }
import closeSessionV1 from './close_session_v1.sql' with { type: 'text' }
import closeSessionsV1 from './close_sessions_v1.sql' with { type: 'text' }
import confirmClockV1 from './confirm_clock_v1.sql' with { type: 'text' }
import costOfFirst from './cost_of_first.sql' with { type: 'text' }
import deliveryOf from './delivery_of.sql' with { type: 'text' }
import enterForManagement from './enter_for_management.sql' with { type: 'text' }
import enterPartition from './enter_partition.sql' with { type: 'text' }
import enterShard from './enter_shard.sql' with { type: 'text' }
import eventTime from './event_time.sql' with { type: 'text' }
import extendPartitions from './extend_partitions.sql' with { type: 'text' }
import fenceProducersV1 from './fence_producers_v1.sql' with { type: 'text' }
import findAccountsV1 from './find_accounts_v1.sql' with { type: 'text' }
import firstId from './first_id.sql' with { type: 'text' }
import fitsSchema from './fits_schema.sql' with { type: 'text' }
import forgetRefusalsV1 from './forget_refusals_v1.sql' with { type: 'text' }
import forgetResponsesV1 from './forget_responses_v1.sql' with { type: 'text' }
import forgetSessionsV1 from './forget_sessions_v1.sql' with { type: 'text' }
import grantAllowance from './grant_allowance.sql' with { type: 'text' }
import grantOverage from './grant_overage.sql' with { type: 'text' }
import grantTrials from './grant_trials.sql' with { type: 'text' }
import grantV1 from './grant_v1.sql' with { type: 'text' }
import hashEvent from './hash_event.sql' with { type: 'text' }
import importUsageV1 from './import_usage_v1.sql' with { type: 'text' }
import isLedgerTime from './is_ledger_time.sql' with { type: 'text' }
import isOpened from './is_opened.sql' with { type: 'text' }
import keepResult from './keep_result.sql' with { type: 'text' }
import lapseRollover from './lapse_rollover.sql' with { type: 'text' }
import leaveShard from './leave_shard.sql' with { type: 'text' }
import ledgerNow from './ledger_now.sql' with { type: 'text' }
import liveLotsFunction from './live_lots.sql' with { type: 'text' }
import makePartitions from './make_partitions.sql' with { type: 'text' }
import monthCharges from './month_charges.sql' with { type: 'text' }
import mostOfTiers from './most_of_tiers.sql' with { type: 'text' }
import moveBudgets from './move_budgets.sql' with { type: 'text' }
import namedBudgets from './named_budgets.sql' with { type: 'text' }
import openOwnSessionV1 from './open_own_session_v1.sql' with { type: 'text' }
import openProducerV1 from './open_producer_v1.sql' with { type: 'text' }
import openSessionV1 from './open_session_v1.sql' with { type: 'text' }
import overageDue from './overage_due.sql' with { type: 'text' }
import ownedLots from './owned_lots.sql' with { type: 'text' }
import packOf from './pack_of.sql' with { type: 'text' }
import partitionAt from './partition_at.sql' with { type: 'text' }
import planAt from './plan_at.sql' with { type: 'text' }
import recordOwnV1 from './record_own_v1.sql' with { type: 'text' }
import recordV1 from './record_v1.sql' with { type: 'text' }
import refundV1 from './refund_v1.sql' with { type: 'text' }
import refuseChange from './refuse_change.sql' with { type: 'text' }
import repayDebt from './repay_debt.sql' with { type: 'text' }
import repayFromLiveLots from './repay_from_live_lots.sql' with { type: 'text' }
import repeatedResult from './repeated_result.sql' with { type: 'text' }
import replayedV1 from './replayed_v1.sql' with { type: 'text' }
import reportDivergence from './report_divergence.sql' with { type: 'text' }
import rolloverExcess from './rollover_excess.sql' with { type: 'text' }
import spanEnd from './span_end.sql' with { type: 'text' }
import spanStart from './span_start.sql' with { type: 'text' }
import storeRefusalsV1 from './store_refusals_v1.sql' with { type: 'text' }
import storeResponseV1 from './store_response_v1.sql' with { type: 'text' }
import tariffAt from './tariff_at.sql' with { type: 'text' }
import unspentCredits from './unspent_credits.sql' with { type: 'text' }
import useSessionV1 from './use_session_v1.sql' with { type: 'text' }
import withBudgets from './with_budgets.sql' with { type: 'text' }
import writeEvent from './write_event.sql' with { type: 'text' }

/** The parameters of the functions that ask what was in force. */
const then = { shard: 'in_shard', account: 'in_account', mode: 'in_mode', time: 'in_time' }

const bounds = {
  max_amount: String(maxAmount),
  max_unspent_credits: String(maxUnspentCredits),
  max_safe_integer: String(Number.MAX_SAFE_INTEGER),
  times_end: timesEnd,
}

/** How long a session of a browser lasts that is not used, and that is. */
const sessionTimes = { max_idle: "interval '1 hour'", max_age: "interval '12 hours'" }

/** The payload's schema of every type, as an SQL text between quotes. */
const payloadSchemas = JSON.stringify(mapValues(catalogue, ({ payload }) => payload)).replaceAll(
  "'",
  "''",
)

export const functions: readonly string[] = [
  refuseChange,
  ledgerNow,
  firstId,
  fillIn(makePartitions, { is_opening: isOpening }),
  extendPartitions,
  hashEvent,
  partitionAt,
  fillIn(isOpened, { is_opening: isOpening }),
  enterPartition,
  enterShard,
  fillIn(leaveShard, {
    move_head: moveHead({
      ...{ shard: 'in_shard', position: 'in_position' },
      ...{ time: 'in_now', hash: 'v_hash' },
    }),
  }),
  reportDivergence,
  checkInstance,
  checkMark,
  enterForManagement,
  writeEvent,
  openProducerV1,
  fenceProducersV1,
  deliveryOf,
  fillIn(tariffAt, { tariff_in_force: tariffInForce(then) }),
  planAt,
  fillIn(liveLotsFunction, { live_lots: liveLots(then) }),
  fillIn(ownedLots, { live_lots: liveLots(then) }),
  repeatedResult,
  keepResult,
  fillIn(isLedgerTime, bounds),
  fillIn(fitsSchema, bounds),
  fillIn(checkPayload, { ...bounds, payload_schemas: payloadSchemas }),
  unspentCredits,
  rolloverExcess,
  lapseRollover,
  allowanceOfMonth,
  allowanceDue,
  overageDue,
  fillIn(capUsed, {
    ...{ ...bounds, month_of_event: monthOfEvent },
    ...{ cap_use: capUse('true'), uses_a_cap: typeIn(capUsingTypes) },
  }),
  spanStart,
  budgetSpanStart,
  spanEnd,
  budgetInBatch,
  namedBudgets,
  budgetsLeft,
  budgetsOf,
  moveBudgets,
  withBudgets,
  fillIn(monthCharges, { month_of_event: monthOfEvent }),
  fillIn(repayDebt, bounds),
  repayFromLiveLots,
  grantAllowance,
  grantOverage,
  eventTime,
  packOf,
  grantTrials,
  claimedPayload,
  fillIn(claimVerdict, { resolves_a_hold: typeIn(resolvingTypes, 'e.type') }),
  storeResponseV1,
  forgetResponsesV1,
  storeRefusalsV1,
  forgetRefusalsV1,
  replayedV1,
  costOfFirst,
  mostOfTiers,
  joinAppend(),
  fillIn(recordV1, {
    sets_a_secret: typeIn(secretTypes, `e ->> 'type'`),
    is_of_an_account: typeIn(typesWith('stream', 'account'), 'r.type'),
    is_of_a_key: typeIn(typesWith('stream', 'key'), 'r.type'),
    is_of_tariffs: typeIn(typesWith('stream', 'tariffs'), 'r.type'),
    is_of_operators: typeIn(typesWith('stream', 'operators'), 'r.type'),
    is_of_nobody: typeIn(
      [...typesWith('stream', 'tariffs'), ...typesWith('stream', 'operators')],
      'r.type',
    ),
    opens_a_stream: typeIn(typesWith('opensStream'), 'r.type'),
  }),
  fillIn(recordOwnV1, { is_made_by_owners: typeIn(typesWith('byOwner'), 'r.type') }),
  fillIn(grantV1, bounds),
  fillIn(adjustV1, bounds),
  fillIn(refundV1, { ...bounds, is_opening_or_not: isOpeningOrNot }),
  fillIn(importUsageV1, bounds),
  acceptLossV1,
  confirmClockV1,
  accountSecretV1,
  findAccountsV1,
  openSessionV1,
  openOwnSessionV1,
  fillIn(useSessionV1, sessionTimes),
  closeSessionV1,
  closeSessionsV1,
  fillIn(forgetSessionsV1, sessionTimes),
  ...functionsOfCalls,
]
