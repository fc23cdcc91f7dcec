/** Fields that several kinds of price have. */
import { Type } from '@sinclair/typebox'
import { atLeast } from '../lib/schema-fields.ts'

/** Of one call: more than this is a mistake, and sums of it stay exact. */
export const maxTokens = 1_000_000_000

/** @param what is counted, such as `seconds` */
export function unitOf(what: string) {
  return Type.Optional(
    atLeast(1, `How many ${what} \`credits\` buy; a started unit counts. \`perMillion\` has none.`),
  )
}

/** @param what is counted, such as `tokens` */
export function stepOf(what: string) {
  return atLeast(
    1,
    `How many ${what} of a stream are held at a time before they are sent: what may be lost to a call that ends without a word, and how often the ledger is asked.`,
    maxTokens,
  )
}
