import { type CreditScale, formatCredits } from '../lib/credit-scale.ts'
import { currencyDecimals, formatMoney } from '../lib/format-figures.ts'
import { creditScale } from './output.ts'
import { UsageError } from './usage-error.ts'

interface Paid {
  readonly minorUnits: number
  readonly currency: string
}

/** What was paid may buy less or more than it is worth (a fee, a bonus), but not by so many times. */
const maxTimes = 10n

/**
 * Where the ledger shows credits in the currency that was paid, somebody who takes a credit for a euro grants a
 * millionth of what was paid.
 * @throws UsageError where one is more than ten times the other
 */
export function requirePaidWorth(credits: number, paid: Paid): void {
  const scale = creditScale()
  const worth = scale && creditsWorth(paid, scale)
  if (!scale || !worth) return
  const granted = BigInt(credits)
  if (granted <= worth * maxTimes && worth <= granted * maxTimes) return
  const [one, all, enough] = [1n, granted, worth].map((of) => formatCredits(of, scale))
  throw new UsageError(
    `1 credit is ${one}, so ${credits} are ${all}, and ${formatMoney(paid)} was paid. For ${enough} grant ${worth}; pass --yes to grant ${credits}.`,
  )
}

/** So many credits are shown as what was paid; 0 or undefined where none are, or they are shown in something else. */
function creditsWorth({ minorUnits, currency }: Paid, scale: CreditScale): bigint | undefined {
  const decimals = currencyDecimals(currency)
  if (scale.name !== currency || decimals === undefined) return undefined
  return (BigInt(minorUnits) * 10n ** BigInt(scale.decimals)) / 10n ** BigInt(decimals)
}
