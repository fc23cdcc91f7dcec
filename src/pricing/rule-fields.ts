/** Fields that several kinds of price have. */
import { maxAmount } from '../../events/bounds.ts'
import { atLeast } from '../lib/schema-fields.ts'

/** Of one call: more than this is a mistake, and sums of it stay exact. */
export const maxTokens = 1_000_000_000

export const credits = atLeast(
  1,
  'Credits for one unit. What costs nothing is `per: free`.',
  maxAmount,
)

/** @param what is counted, such as `seconds` */
export function unitOf(what: string) {
  return atLeast(1, `How many ${what} one price buys; a started unit counts.`)
}

/** @param what is counted, such as `tokens` */
export function stepOf(what: string) {
  return atLeast(
    1,
    `How many ${what} of a stream are held at a time before they are sent: what may be lost to a call that ends without a word, and how often the ledger is asked.`,
    maxTokens,
  )
}
