import type { OverageTerms } from '../../events/overage-terms.ts'
import { type Sum, toSum } from '../lib/sums.ts'

/** What so many credits of one overage are billed: the fee for each started `per` of them. Minor units of the currency. */
export function overageFee({ fee, per }: OverageTerms, credits: bigint): Sum {
  const units = (credits + BigInt(per) - 1n) / BigInt(per)
  return toSum(units * BigInt(fee.minorUnits))
}
