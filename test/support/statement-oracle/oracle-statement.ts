/**
 * The oracle of statements. It reads an account's events one by one and folds them in TypeScript, in the order of the
 * log. Its statement must be the same as the one of `readStatement`, which adds up in PostgreSQL.
 */
import { type Mode, printPosition } from '../../../events/event.ts'
import type { Sql } from '../../../src/ledger/connect.ts'
import { findFirstEvent, findKeyOwner } from '../../../src/reports/log-reader/find-account.ts'
import { readLogEnd, readLogEndAsOf } from '../../../src/reports/log-reader/log-end.ts'
import { printTime } from '../../../src/reports/log-reader/micros.ts'
import { positionAt } from '../../../src/reports/log-reader/position-at.ts'
import { BadPeriod, parsePeriod } from '../../../src/reports/statement/parse-period.ts'
import type { StatementRequest } from '../../../src/reports/statement/read-statement.ts'
import type { Statement } from '../../../src/reports/statement/statement-shape.ts'
import { readAccountEvents } from './oracle-events.ts'
import { statementFold } from './statement-fold.ts'

/**
 * @returns the statement; undefined when the ledger does not have the account or key, or did not have it then
 * @throws BadPeriod when the month, day or zone does not exist, the period has not begun, or `asOf` is in the future
 */
export async function oracleStatement(
  sql: Sql,
  request: StatementRequest,
): Promise<Statement | undefined> {
  const { keyId, lines = false, asOf } = request
  const period = parsePeriod(request)
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

  // An account's lots and plans follow from its whole life, a key's calls from the period alone.
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

/** Whose statement it is, and of which mode. */
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
