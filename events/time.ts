/**
 * Times as events carry them: RFC 3339 texts. TypeBox brings no formats of its own and refuses what it
 * does not know, so whoever checks a payload with `date-time` in it needs this file's registration.
 */
import { FormatRegistry, Type } from '@sinclair/typebox'

export const Time = Type.String({ format: 'date-time' })

FormatRegistry.Set('date-time', isTime)

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** From 1970 to 9999: what JavaScript and PostgreSQL both write in the same four-digit form. */
export function isTime(text: string): boolean {
  const match = rfc3339.exec(text)
  const ms = Date.parse(text)
  if (match === null || !(ms >= 0 && ms < Date.UTC(10_000, 0))) return false
  // Some parsers read the 30th of February as a day of March.
  const day = Number(match[3])
  return day >= 1 && day <= new Date(Date.UTC(Number(match[1]), Number(match[2]), 0)).getUTCDate()
}
