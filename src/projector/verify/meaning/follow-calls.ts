/**
 * Calls that are followed event by event: those with extensions, those that draw on several lots, and those that their
 * gateway did not end.
 */
import { type Counted, countedOf } from '../../../../events/counted.ts'
import { holdTypes } from '../../../../events/event-types.ts'
import { isOpeningOrNot } from '../../../../events/openings.ts'
import { typeIn } from '../../../../events/type-condition.ts'
import { withQuantity } from '../../../pricing/counting.ts'
import type { CheckConnection, Finding, LogRange } from '../log-check.ts'
import type { EventGroup } from './event-groups.ts'
import { type LedgerState, purseOf } from './ledger-state.ts'
import { findPrice, priceFault } from './price-groups.ts'
import type { Micros } from './rare-events.ts'

interface CallEvent {
  readonly position: number
  readonly recordedAt: Micros
  readonly type: string
  readonly accountId: string
  readonly mode: string
  readonly requestId: string
  readonly endpoint: string | null
  readonly tariff: string
  readonly credits: number
  readonly quantity: number | null
  readonly slots: number | null
  readonly lots: readonly number[]
  readonly held: readonly number[] | null
  readonly moved: readonly number[] | null
  readonly payload: Readonly<Record<string, unknown>>
}

/** Calls that are read at once. */
const maxCalls = 5_000

export async function followCalls(
  state: LedgerState,
  groups: readonly EventGroup[],
  range: LogRange,
  connection: CheckConnection,
): Promise<Finding[]> {
  const ids = [...new Set(groups.flatMap(({ followed }) => followed ?? []))]
  const findings: Finding[] = []
  for (let i = 0; i < ids.length; i += maxCalls) {
    const events = await readCalls(connection, ids.slice(i, i + maxCalls), range)
    for (const call of Map.groupBy(events, ({ requestId }) => requestId).values()) {
      for (const { position, fault } of followCall(state, call)) {
        // What came before was found when it was read.
        if (position > range.after) findings.push({ position, fault })
      }
    }
  }
  return findings
}

/** All events of the calls up to the range's end, in the order of the log. */
function readCalls(
  { sql }: CheckConnection,
  ids: readonly string[],
  { shard, upTo }: LogRange,
): Promise<CallEvent[]> {
  return sql<CallEvent[]>`
    select position, (extract(epoch from recorded_at) * 1000000)::float8 as "recordedAt", type,
      account_id as "accountId", mode, request_id as "requestId", endpoint, tariff, coalesce(credits, 0) as credits, quantity,
      slots, coalesce(lots, '{}') as lots, held, moved, payload
    from events
    where request_id = any(${[...ids]}::text[]) and shard = ${shard} and position <= ${upTo}
      and ${sql.unsafe(typeIn(holdTypes))} and ${sql.unsafe(isOpeningOrNot)}
    order by position`
}

/** What is held of a call, as its events before say. */
interface OpenHold {
  credits: number
  quantity: number
  expiresAt: Micros
  readonly lots: Map<number, number>
  /** By the event that opened it. */
  readonly counted: Counted
  /** That it was priced by, where it names one. */
  readonly plan: string | undefined
  readonly volumeOf: string | undefined
  sent: { readonly credits: number; readonly quantity: number } | undefined
}

function followCall(state: LedgerState, call: readonly CallEvent[]): Finding[] {
  const findings: Finding[] = []
  let hold: OpenHold | undefined
  for (const event of call) {
    const note = (fault: string) => findings.push({ position: event.position, fault })
    for (const fault of lotFaults(state, event)) note(fault)
    if (event.type === 'CreditsHeld') {
      const { quantity, payload } = event
      const counted = countedOf({ ...(payload as Partial<Counted>), quantity: quantity ?? 0 })
      const plan = payload.plan as string | undefined
      const nothing = { credits: 0, quantity: 0, expiresAt: 0, lots: new Map(), sent: undefined }
      hold = { ...nothing, counted, plan, volumeOf: payload.volumeOf as string | undefined }
      grow(hold, event)
    } else if (event.held === null || !hold) {
      // A call on a lease, or one whose hold is not there, which is a fault of the credits.
    } else if (event.type === 'HoldExtended') {
      for (const fault of extensionFaults(state, hold, event)) note(fault)
      grow(hold, event)
    } else for (const fault of endFaults(hold, event)) note(fault)
  }
  return findings
}

/** The first lot is looked at in the scan of all calls. */
function lotFaults(state: LedgerState, event: CallEvent): string[] {
  const { lots, accountId, mode, recordedAt } = event
  const draws = event.type === 'CreditsHeld' || event.type === 'HoldExtended' || event.held === null
  return lots.slice(1).flatMap((lot) => {
    const known = state.lots.get(lot)
    if (!known || known.purse !== purseOf(state, accountId, mode)) {
      return [`lot ${lot} is of another account or mode`]
    }
    const isGood = known.startsAt <= recordedAt && recordedAt < known.expiresAt
    return draws && !isGood ? [`lot ${lot} was not good at that time`] : []
  })
}

function grow(
  hold: OpenHold,
  { credits, quantity, recordedAt, lots, held, payload }: CallEvent,
): void {
  hold.credits += credits
  hold.quantity += quantity ?? 0
  hold.expiresAt = Math.max(hold.expiresAt, recordedAt + Number(payload.holdSeconds) * 1_000_000)
  for (const [i, lot] of lots.entries())
    hold.lots.set(lot, (hold.lots.get(lot) ?? 0) + (held?.[i] ?? 0))
}

function extensionFaults(state: LedgerState, hold: OpenHold, event: CallEvent): string[] {
  const { payload } = event
  const faults: (string | undefined)[] = []
  const quantity = hold.quantity + (event.quantity ?? 0)
  faults.push(grownFault(state, hold, event, quantity, hold.credits + event.credits))
  const { sentCredits, sentQuantity } = payload
  if (typeof sentCredits === 'number' && typeof sentQuantity === 'number') {
    const sent = { credits: sentCredits, quantity: sentQuantity }
    faults.push(grownFault(state, hold, event, sent.quantity, sent.credits))
    if (sent.credits > hold.credits) faults.push('more was sent than was held')
    const before = hold.sent ?? sent
    hold.sent = {
      credits: Math.max(sent.credits, before.credits),
      quantity: Math.max(sent.quantity, before.quantity),
    }
  } else if (sentCredits !== undefined || sentQuantity !== undefined) {
    faults.push('it says what was sent in part only')
  }
  return faults.filter((fault) => fault !== undefined)
}

/** What the hold counts, with another quantity of what grows, must cost so much. */
function grownFault(
  state: LedgerState,
  { counted, plan, volumeOf }: OpenHold,
  { tariff, endpoint }: CallEvent,
  quantity: number,
  credits: number,
): string | undefined {
  const price = findPrice(state, tariff, endpoint ?? '', plan)
  const grown = price ? withQuantity(price, counted, quantity) : counted
  const of = { tariff, endpoint: endpoint ?? '', plan, volumeOf }
  return priceFault(state, { ...of, holds: true, counted: grown, credits })
}

function endFaults(hold: OpenHold, event: CallEvent): string[] {
  const { type, lots, held, moved, credits, quantity, recordedAt, payload } = event
  const faults: string[] = []
  const drawn = [...hold.lots]
  const isFreed = drawn.every(([lot, of], i) => lots[i] === lot && held?.[i] === -of)
  if (!isFreed || lots.length !== drawn.length) {
    faults.push('the lots that it frees are not those that its hold drew on')
  }
  if (type === 'HoldSettled') {
    let left = credits
    for (const [i, [, of]] of drawn.entries()) {
      const taken = Math.min(of, left)
      left -= taken
      if (moved?.[i] !== taken) {
        faults.push('it is not charged to the lots in the order in which its hold drew on them')
        break
      }
    }
  } else if (quantity !== null && quantity !== hold.quantity) {
    faults.push('it is of another quantity than its hold')
  }
  const sent = hold.sent?.credits ? hold.sent : undefined
  if (type === 'HoldExpired' || payload.terminatedBy === 'gateway') {
    if (recordedAt < hold.expiresAt) faults.push('its hold was not over yet')
    const charged = type === 'HoldSettled' ? credits : 0
    if (charged !== (sent?.credits ?? 0) || (sent && quantity !== sent.quantity)) {
      faults.push('what was sent is charged when a hold expires')
    }
  }
  return faults
}
