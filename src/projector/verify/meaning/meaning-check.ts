/**
 * Whether every event is one that the ledger would have written after those before it. Events that no call makes are rare:
 * they are followed one by one, and give what stood at each position (follow-events.ts). The events of calls are scanned
 * range by range against that (scan-calls.ts) and priced in groups (price-groups.ts). Few calls are followed, too
 * (follow-calls.ts).
 */
import {
  type CheckConnection,
  type Finding,
  type LogCheck,
  type LogCheckOptions,
  type LogRange,
  openRangeCheck,
} from '../log-check.ts'
import { checkBudgets } from './check-budgets.ts'
import { checkClaims, claimTables } from './check-claims.ts'
import { checkPlans } from './check-plans.ts'
import { checkRefunds } from './check-refunds.ts'
import { followCalls } from './follow-calls.ts'
import { unpaidAtEnd } from './follow-credits.ts'
import { followEvent } from './follow-events.ts'
import { missingTrials } from './follow-trials.ts'
import { type LedgerState, newLedgerState } from './ledger-state.ts'
import { checkPayloads } from './payload-fault.ts'
import { checkPrices } from './price-groups.ts'
import { type RareEvent, readRareEvents } from './rare-events.ts'
import { hasClaims, scanCalls, scanTables } from './scan-calls.ts'
import { tariffInForce } from './tariff-in-force.ts'
import { writeJoinedTables } from './write-joined-tables.ts'

export function openMeaningCheck(options: LogCheckOptions): Promise<LogCheck> {
  const state = newLedgerState()
  return openRangeCheck('meaning', [...scanTables, ...claimTables], options, (range, connection) =>
    checkRange(state, range, connection),
  )
}

async function checkRange(
  state: LedgerState,
  range: LogRange,
  connection: CheckConnection,
): Promise<Finding[]> {
  const rare = await readRareEvents(connection.sql, range)
  const findings = followRare(state, rare, range)
  await writeJoinedTables(state, range, connection)
  const tariff = await tariffInForce(state, range, connection)
  const groups = await scanCalls(connection, range, { tariff, fenced: state.fenced })
  for (const { fault, positions } of groups) {
    if (fault === null) continue
    findings.push(...(positions ?? []).map((position) => ({ position, fault })))
  }
  findings.push(...(await checkPayloads(state, groups, range, connection)))
  findings.push(...(await checkPrices(state, groups, range, connection)))
  findings.push(...(await followCalls(state, groups, range, connection)))
  findings.push(...(await checkPlans(state, range, connection)))
  if (hasClaims(groups)) findings.push(...(await checkClaims(range, connection)))
  findings.push(...(await checkRefunds(rare, connection)))
  findings.push(...(await checkBudgets(state, range, connection)))
  return findings
}

function followRare(
  state: LedgerState,
  rare: readonly RareEvent[],
  { upTo, end }: LogRange,
): Finding[] {
  const findings = rare.flatMap((event) => [
    ...missingTrials(state, event),
    ...followEvent(state, event).map((fault) => ({ position: event.position, fault })),
  ])
  if (upTo < end) return findings
  return [...findings, ...unpaidAtEnd(state), ...missingTrials(state)]
}
