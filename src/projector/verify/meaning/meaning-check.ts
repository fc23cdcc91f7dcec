/**
 * Whether a log keeps all rules: it is in order and unchanged, and every event is one that the ledger would have written after those
 * before it. The log is read once, and followed event by event: order (order-rules.ts), what is bought (purchase-rules.ts) and credits
 * (credit-rules.ts). Events that no call makes are followed one by one (follow-events.ts), and give what stands where those of calls
 * come (scan-calls.ts), which are priced in groups (price-groups.ts). Few calls are followed once more, by themselves
 * (follow-calls.ts).
 */
import { creditRules } from '../credit-rules.ts'
import { LogEvent } from '../log/log-event.ts'
import { readLog } from '../log/read-log.ts'
import {
  type CheckConnection,
  eventsOf,
  type Finding,
  type LogCheck,
  type LogCheckOptions,
  type LogRange,
  type LogRules,
  type Note,
  openRangeCheck,
} from '../log-check.ts'
import { orderRules } from '../order-rules.ts'
import { purchaseRules } from '../purchase-rules.ts'
import { checkBudgets } from './check-budgets.ts'
import { checkClaims, claimTables } from './check-claims.ts'
import { checkPlans } from './check-plans.ts'
import { checkRefunds } from './check-refunds.ts'
import { checkVolumes } from './check-volumes.ts'
import { hasClaims } from './event-groups.ts'
import { followCalls } from './follow-calls.ts'
import { unpaidAtEnd } from './follow-credits.ts'
import { followEvent } from './follow-events.ts'
import { missingTrials } from './follow-trials.ts'
import { type LedgerState, newLedgerState } from './ledger-state.ts'
import { checkPrices } from './price-groups.ts'
import { isRare, type RareEvent, rareEventOf } from './rare-events.ts'
import { type CallScan, scanCalls } from './scan-calls.ts'

/** What follows the log, in this order: what is bought is compared with what stands of credits before it. */
interface Following {
  readonly state: LedgerState
  readonly event: LogEvent
  readonly rules: readonly LogRules[]
  readonly scan: CallScan
}

export function openMeaningCheck(options: LogCheckOptions): Promise<LogCheck> {
  const state = newLedgerState()
  const scan = scanCalls(state)
  const rules = [orderRules(), scan, purchaseRules(state), creditRules(state)]
  const following = { state, event: new LogEvent(), rules, scan }
  return openRangeCheck('log', claimTables, options, (range, connection) =>
    checkRange(following, range, connection),
  )
}

async function checkRange(
  following: Following,
  range: LogRange,
  connection: CheckConnection,
): Promise<Finding[]> {
  const { state, scan } = following
  const { findings, refunds } = await followRange(following, range, connection)
  const { groups, findings: ofPayloads } = scan.take()
  findings.push(...ofPayloads)
  findings.push(...(await checkPrices(state, groups, range, connection)))
  findings.push(...(await followCalls(state, groups, range, connection)))
  findings.push(...(await checkPlans(state, range, connection)))
  findings.push(...(await checkVolumes(state, range, connection)))
  if (hasClaims(groups)) findings.push(...(await checkClaims(range, connection)))
  findings.push(...(await checkRefunds(refunds, connection)))
  findings.push(...(await checkBudgets(state, range, connection)))
  return findings
}

async function followRange(
  { state, event, rules }: Following,
  range: LogRange,
  { sql }: CheckConnection,
): Promise<{ readonly findings: Finding[]; readonly refunds: readonly RareEvent[] }> {
  const findings: Finding[] = []
  const refunds: RareEvent[] = []
  let position = range.after
  const note: Note = (fault) => {
    findings.push({ position, fault })
  }
  await readLog(sql, eventsOf(range), event, () => {
    position = event.position
    for (const each of rules) each.follow(event, note)
    if (!isRare(event)) return
    const rare = rareEventOf(event)
    findings.push(...followRare(state, rare))
    if (rare.type === 'ChargeRefunded') refunds.push(rare)
  })
  position = range.upTo
  for (const each of rules) each.endRange?.(range, note)
  if (range.upTo === range.end) findings.push(...unpaidAtEnd(state), ...missingTrials(state))
  return { findings, refunds }
}

function followRare(state: LedgerState, event: RareEvent): Finding[] {
  return [
    ...missingTrials(state, event),
    ...followEvent(state, event).map((fault) => ({ position: event.position, fault })),
  ]
}
