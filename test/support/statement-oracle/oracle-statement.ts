/**
 * The oracle of statements: the account's events, read one by one and folded in TypeScript, in the order of the
 * log. What it says and what the statement says, which sums up in PostgreSQL, must be the same.
 */
import { type LogPosition, type Mode, printPosition } from '../../../events/event.ts'
import type { Sql } from '../../../src/ledger/connect.ts'
import { findFirstEvent, findKeyOwner } from '../../../src/reports/log-reader/find-account.ts'
import { readLogEnd, readLogEndAsOf } from '../../../src/reports/log-reader/log-end.ts'
import { printTime } from '../../../src/reports/log-reader/micros.ts'
import {
  dayPeriod,
  isTimeZone,
  monthPeriod,
  type Period,
} from '../../../src/reports/log-reader/period.ts'
import { positionAt } from '../../../src/reports/log-reader/position-at.ts'
import type { Statement } from '../../../src/reports/statement/statement-shape.ts'
import { readAccountEvents } from './oracle-events.ts'
import { statementFold } from './statement-fold.ts'

export interface StatementRequest extends StatementPeriod {
  /** One of the two; with both, the key must be the account's. */
  readonly accountId?: string
  readonly keyId?: string
  /** live unless said; of a key, the key's own */
  readonly mode?: Mode
  /** With every charge, one by one. */
  readonly lines?: boolean
  /** As it stood when the log ended there, or at that time, to the millisecond; as it stands now unless said. */
  readonly asOf?: LogPosition | Date
}

/** One of `month` and `day`. */
export interface StatementPeriod {
  /** `YYYY-MM` */
  readonly month?: string
  /** `YYYY-MM-DD` */
  readonly day?: string
  /** IANA name; UTC unless said. */
  readonly timeZone?: string
}

/** What was asked for is not something that a statement can be of: a sentence that says why. */
export class BadPeriod extends Error {
  override readonly name = 'BadPeriod'

  /** @param field a JSON pointer to the part of the request that is at fault */
  constructor(
    readonly field: '/month' | '/day' | '/tz' | '/asOf',
    message: string,
  ) {
    super(message)
  }
}

/**
 * The statement, or undefined when the ledger has (or, as of then, had) no such account or key.
 * @throws BadPeriod when month, day or zone are none, the period has not begun, or `asOf` lies ahead
 */
export async function statement(
  sql: Sql,
  request: StatementRequest,
): Promise<Statement | undefined> {
  const { keyId, lines = false, asOf } = request
  const period = periodOf(request)
  const subject = await subjectOf(sql, request)
  const first = subject && (await findFirstEvent(sql, subject.accountId))
  if (!subject || !first) return undefined
  const { accountId, mode } = subject
  const { shard } = first
  const end = asOf ? await readLogEndAsOf(sql, shard, asOf) : await readLogEnd(sql, shard)
  if (!end) throw new BadPeriod('/asOf', 'the log of this account has not come that far')
  if (end.position < first.position) return undefined
  if (period.start > end.now) {
    const [span, name] = period.day
      ? (['day', period.day] as const)
      : (['month', period.month] as const)
    throw new BadPeriod(`/${span}`, `the ${span} ${name} has not begun`)
  }

  // Lots and plans are the sum of the account's whole life; a key's calls are all within their period.
  const from =
    keyId === undefined ? 1 : await positionAt(sql, shard, new Date(period.start / 1_000))
  const fold = statementFold({ shard, period, withAccount: keyId === undefined, lines })
  const pages = readAccountEvents(sql, { shard, accountId, keyId, mode, from, to: end.position })
  reading: for await (const page of pages) {
    for (const event of page) {
      if (fold.isFinalBefore(event)) break reading
      fold.apply(event)
    }
  }

  const until = Math.min(period.end, end.now)
  const { openHolds, through, charges, refunds, held, account } = fold.close({ until, mode })
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
    final: openHolds === 0 && end.recordedAt >= period.end,
    through: through === null ? null : printPosition({ shard, position: through }),
    charges,
    refunds,
    held,
    ...(account ? { account } : {}),
  }
}

/** @throws BadPeriod when it is none */
export function periodOf({ month, day, timeZone = 'UTC' }: StatementPeriod): Period {
  if (!isTimeZone(timeZone)) {
    throw new BadPeriod('/tz', `"${timeZone}" is no time zone: write it as Europe/Berlin`)
  }
  const period = day === undefined ? monthPeriod(month ?? '', timeZone) : dayPeriod(day, timeZone)
  if (period) return period
  throw day === undefined
    ? new BadPeriod('/month', `"${month ?? ''}" is not a month: write it as 2026-01`)
    : new BadPeriod('/day', `"${day}" is not a day: write it as 2026-01-31`)
}

/** Whose statement it is, and of which credits. */
async function subjectOf(
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
