/** A statement: read from the log, range by range, and computed from its events alone. */
import { type LogPosition, type Mode, printPosition } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import { findFirstEvent, findKeyOwner } from '../log-reader/find-account.ts'
import { type LogEnd, readLogEnd, readLogEndAsOf } from '../log-reader/log-end.ts'
import { type Micros, printTime } from '../log-reader/micros.ts'
import type { Period } from '../log-reader/period.ts'
import { positionAt } from '../log-reader/position-at.ts'
import { accountPart } from './account-part.ts'
import { sumCharges } from './charge-lines.ts'
import { readItemisedPrices } from './component-sums.ts'
import { heldLines, refundLines } from './event-lines.ts'
import { BadPeriod, type PeriodRequest, parsePeriod } from './parse-period.ts'
import { type PeriodInLog, readPeriodInLog } from './read-period-in-log.ts'
import { readStatementEvents, type StatementEvent } from './statement-events.ts'
import type { AccountPart, Statement } from './statement-shape.ts'

export interface StatementRequest extends PeriodRequest {
  /** One of `accountId` and `keyId`; with both, the key must be the account's. */
  readonly accountId?: string
  readonly keyId?: string
  /** Unless given, live for an account, and the key's own for a key. */
  readonly mode?: Mode
  /** Whether the statement lists each charge. */
  readonly lines?: boolean
  /** How many charges it may list; any number unless given. */
  readonly maxLines?: number
  /** The end of the log as of a position, or of a time to the millisecond; the present one unless given. */
  readonly asOf?: LogPosition | Date
}

/** A statement has more charges than were asked for at most. */
export class TooManyLines extends Error {
  override readonly name = 'TooManyLines'

  constructor(charges: number, maxLines: number) {
    super(`there are ${charges} charges, and at most ${maxLines} are listed`)
  }
}

/**
 * @returns the statement; undefined when the ledger does not have the account or key, or did not have it then
 * @throws TooManyLines
 * @throws BadPeriod when the month, day or zone does not exist, the period has not begun, or `asOf` is in the future
 */
export async function readStatement(
  sql: Sql,
  request: StatementRequest,
): Promise<Statement | undefined> {
  const { keyId, lines = false, maxLines = Number.POSITIVE_INFINITY, asOf } = request
  const period = parsePeriod(request)
  const subject = await findSubject(sql, request)
  const first = subject && (await findFirstEvent(sql, subject.accountId))
  if (!subject || !first) return undefined
  const { accountId, mode } = subject
  const { shard } = first
  const end = asOf ? await readLogEndAsOf(sql, shard, asOf) : await readLogEnd(sql, shard)
  if (!end) throw new BadPeriod('/asOf', 'the log of this account has not come that far')
  if (end.position < first.position) return undefined
  requireBegun(period, end)

  // An account's lots and plans follow from its whole life, a key's calls from the period alone.
  const from =
    keyId === undefined ? 1 : await positionAt(sql, shard, new Date(period.start / 1_000))
  const range = { shard, accountId, keyId, mode, from, to: end.position }
  const inLog = await readPeriodInLog(sql, range, period)
  const until = Math.min(period.end, end.now)
  if (lines) requireFewCharges(inLog, period, maxLines)
  const rows = lines ? await inLog.readCharges() : undefined
  const events = await readStatementEvents(sql, shard, inLog.linePositions)
  const prices = await readItemisedPrices(sql, shard, chargedEndpoints(inLog))
  const components = { prices, sums: await inLog.readComponents(prices) }
  return {
    accountId,
    keyId: keyId ?? null,
    mode,
    month: period.month,
    ...(period.day === undefined ? {} : { day: period.day }),
    timeZone: period.timeZone,
    from: printTime(period.start),
    until: printTime(until),
    ...(asOf
      ? { asOf: { position: printPosition({ shard, ...end }), time: printTime(end.now) } }
      : {}),
    final: inLog.openHolds === 0 && end.recordedAt >= period.end,
    through: inLog.through === null ? null : printPosition({ shard, position: inLog.through }),
    charges: sumCharges(shard, period, { sums: inLog.callSums, rows, components }),
    refunds: refundLines({ shard, period }, events),
    held: heldLines(shard, await inLog.readOpenHolds()),
    ...(keyId === undefined
      ? { account: await readAccountPart(sql, inLog, { shard, period, events, until, mode }) }
      : {}),
  }
}

/** Whose statement it is, and of which mode. */
async function findSubject(
  sql: Sql,
  { accountId, keyId, mode }: StatementRequest,
): Promise<{ accountId: string; mode: Mode } | undefined> {
  if (keyId === undefined) {
    return accountId === undefined ? undefined : { accountId, mode: mode ?? 'live' }
  }
  const key = await findKeyOwner(sql, keyId)
  if (!key || (accountId !== undefined && accountId !== key.accountId)) return undefined
  return { accountId: key.accountId, mode: mode ?? key.mode }
}

function chargedEndpoints({ callSums }: PeriodInLog): string[] {
  const charged = callSums.filter(({ type }) => type === 'HoldSettled')
  return [...new Set(charged.map(({ endpoint }) => endpoint ?? ''))]
}

/** @throws TooManyLines */
function requireFewCharges({ callSums }: PeriodInLog, period: Period, maxLines: number): void {
  const charges = callSums
    .filter(({ type, bucket }) => type === 'HoldSettled' && period.days[bucket - 1])
    .reduce((sum, { events }) => sum + events, 0)
  if (charges > maxLines) throw new TooManyLines(charges, maxLines)
}

/** @throws BadPeriod */
function requireBegun({ start, month, day }: Period, { now }: LogEnd): void {
  if (start <= now) return
  throw day === undefined
    ? new BadPeriod('/month', `the month ${month} has not begun`)
    : new BadPeriod('/day', `the day ${day} has not begun`)
}

async function readAccountPart(
  sql: Sql,
  inLog: PeriodInLog,
  {
    shard,
    period,
    events,
    until,
    mode,
  }: {
    readonly shard: number
    readonly period: Period
    readonly events: readonly StatementEvent[]
    readonly until: Micros
    readonly mode: Mode
  },
): Promise<AccountPart> {
  const lotSums = await inLog.readLotSums(expiriesOf(events))
  const known = new Set(events.map(({ position }) => position))
  const later = new Set(lotSums.map(({ lot }) => lot).filter((lot) => !known.has(lot)))
  const laterGrants = await readStatementEvents(sql, shard, [...later])
  return accountPart({ shard, period }, { events, laterGrants, lotSums, until, mode })
}

/** The times at which lots expire, by lot. */
function expiriesOf(events: readonly StatementEvent[]): Map<number, Micros> {
  const expiries = new Map<number, Micros>()
  for (const { type, position, expiresAt } of events) {
    if (type === 'CreditsGranted' && expiresAt !== null) expiries.set(position, expiresAt)
  }
  return expiries
}
