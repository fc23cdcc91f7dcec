import { type Mode, printPosition } from '../../events/event.ts'
import type { Sql } from '../ledger/connect.ts'
import { readAccountEvents } from './account-events.ts'
import { ownerOfKey, positionAt, readLogEnd, shardOfAccount } from './log-range.ts'
import { parseMonth, printTime } from './month.ts'
import { statementFold } from './statement-fold.ts'
import type { Statement } from './statement-shape.ts'

export interface StatementRequest {
  /** One of the two; with both, the key must be the account's. */
  readonly accountId?: string
  readonly keyId?: string
  /** `YYYY-MM` in UTC */
  readonly month: string
  /** live unless said; of a key, the key's own */
  readonly mode?: Mode
  /** With every charge, one by one. */
  readonly lines?: boolean
}

/** The month asked for is not one that a statement can be of. */
export class BadMonth extends Error {
  override readonly name = 'BadMonth'
}

/**
 * The statement, or undefined when the book has no such account or key.
 * @throws BadMonth when the month is malformed or has not begun
 */
export async function statement(
  sql: Sql,
  request: StatementRequest,
): Promise<Statement | undefined> {
  const { keyId, lines = false } = request
  const month = parseMonth(request.month)
  if (!month) throw new BadMonth(`"${request.month}" is not a month: write it as 2026-01`)
  const subject = await subjectOf(sql, request)
  const shard = subject && (await shardOfAccount(sql, subject.accountId))
  if (!subject || shard === undefined) return undefined
  const { accountId, mode } = subject
  const end = await readLogEnd(sql, shard)
  if (month.start > end.now) throw new BadMonth(`the month ${month.name} has not begun`)

  // Lots and plans are the sum of the account's whole life; a key's calls are all within their month.
  const from = keyId === undefined ? 1 : await positionAt(sql, shard, new Date(month.start / 1_000))
  const fold = statementFold({ shard, month, withAccount: keyId === undefined, lines })
  const pages = readAccountEvents(sql, { shard, accountId, keyId, mode, from, to: end.position })
  reading: for await (const page of pages) {
    for (const event of page) {
      if (fold.isFinalBefore(event)) break reading
      fold.apply(event)
    }
  }

  const until = Math.min(month.end, end.now)
  const { openHolds, through, charges, refunds, held, account } = fold.close({ until, mode })
  return {
    accountId,
    keyId: keyId ?? null,
    mode,
    month: month.name,
    from: printTime(month.start),
    until: printTime(until),
    final: openHolds === 0 && end.recordedAt >= month.end,
    through: through === null ? null : printPosition({ shard, position: through }),
    charges,
    refunds,
    held,
    ...(account ? { account } : {}),
  }
}

/** Whose statement it is, and of which credits. */
async function subjectOf(
  sql: Sql,
  { accountId, keyId, mode }: StatementRequest,
): Promise<{ accountId: string; mode: Mode } | undefined> {
  if (keyId === undefined) {
    return accountId === undefined ? undefined : { accountId, mode: mode ?? 'live' }
  }
  const key = await ownerOfKey(sql, keyId)
  if (!key || (accountId !== undefined && accountId !== key.accountId)) return undefined
  return { accountId: key.accountId, mode: mode ?? key.mode }
}
