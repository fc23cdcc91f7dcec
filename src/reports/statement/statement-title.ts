import { formatNumber } from '../../lib/format-figures.ts'
import { localTime } from '../log-reader/period.ts'
import type { Statement } from './statement-shape.ts'

/** `Statement of acc_… (user anna), 2026-10` */
export function statementTitle({ accountId, keyId, mode, account, ...of }: Statement): string {
  const subject = keyId === null ? accountId : `key ${keyId} of ${accountId}`
  const owner = account?.owner ? ` (${account.owner.kind} ${account.owner.id})` : ''
  const period = of.day ?? of.month
  return `Statement of ${subject}${owner}, ${period}${mode === 'test' ? ', test mode' : ''}`
}

/** From when to when, up to which position, and whether the statement is final. */
export function subtitle(statement: Statement): string {
  const { final, held, from, until, through, timeZone, asOf } = statement
  const at = (time: string) => localTime(time, timeZone)
  const then = asOf ? ` As of position ${asOf.position}, ${at(asOf.time)}.` : ''
  const range = `${at(from)} to ${at(until)} ${timeZone}, up to position ${through ?? 'none'}.${then}`
  if (final) return `${range} Final.`
  if (held.length === 0) return `${range} Not final.`
  const span = statement.day === undefined ? 'month' : 'day'
  const calls =
    held.length === 1
      ? `1 call of the ${span} is`
      : `${formatNumber(held.length)} calls of the ${span} are`
  return `${range} Not final: ${calls} not finished.`
}
