/**
 * Times as events have them: RFC 3339 texts. TypeBox knows no formats of its own and refuses a format that it does not
 * know, so the schema of every payload with a time needs the registration in this file.
 */
import { FormatRegistry, Type } from '@sinclair/typebox'
import { timesEnd } from './bounds.ts'

export const Time = Type.String({ format: 'date-time' })

FormatRegistry.Set('date-time', isTime)

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** Whether a text is a time that may enter the ledger: from 1970 on and before the year 2200. */
export function isTime(text: string): boolean {
  const match = rfc3339.exec(text)
  const ms = Date.parse(text)
  if (match === null || !(ms >= 0 && ms < Date.parse(timesEnd))) return false
  // Date.parse may read the 30th of February as a day of March.
  const day = Number(match[3])
  return day >= 1 && day <= new Date(Date.UTC(Number(match[1]), Number(match[2]), 0)).getUTCDate()
}
