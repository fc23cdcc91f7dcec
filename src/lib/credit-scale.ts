/**
 * Credits as people read them. Credits are whole numbers everywhere; a scale says what they are worth to a reader: with
 * `{name: EUR, decimals: 6}`, 150 credits are €0.000150.
 */
import { formatNumber } from './format-figures.ts'
import type { Sum } from './sums.ts'

export interface CreditScale {
  /** A currency's code, or a word. */
  readonly name: string
  readonly decimals: number
}

/** The scale as a file says it. */
export function scaleText(scale: CreditScale | undefined): string {
  return scale ? `{ name: ${scale.name}, decimals: ${scale.decimals} }` : 'nothing of them'
}

/** Whether figures mean the same. */
export function isSameScale(one: CreditScale | undefined, other: CreditScale | undefined): boolean {
  return one?.name === other?.name && one?.decimals === other?.decimals
}

/** A cell of a table that is credits, so that whoever prints the table says how they are shown. */
export interface CreditsCell {
  readonly credits: Sum | bigint
}

/** Credits as a cell. */
export function asCredits(credits: Sum | bigint): CreditsCell {
  return { credits }
}

/** `€0.000150`, `0.000150 points`, or without a scale `150` */
export function formatCredits(credits: Sum | bigint, scale: CreditScale | undefined): string {
  return scale ? inScale(BigInt(credits), scale.decimals, scale.name) : formatNumber(credits)
}

/** `1 credit`, `1,234 credits`, or with a scale `€0.001234` */
export function creditsText(credits: Sum | bigint, scale?: CreditScale): string {
  if (scale) return formatCredits(credits, scale)
  return `${formatNumber(credits)} credit${BigInt(credits) === 1n ? '' : 's'}`
}

/** The same of credits with six decimals, as `15091.440000`, exactly; without a scale as they are. */
export function formatPartsOfCredits(amount: string, scale: CreditScale | undefined): string {
  if (!scale) return amount
  return inScale(BigInt(amount.replace('.', '')), scale.decimals + 6, scale.name)
}

function inScale(units: bigint, decimals: number, name: string): string {
  const digits = String(units < 0n ? -units : units).padStart(decimals + 1, '0')
  const whole = formatNumber(BigInt(decimals === 0 ? digits : digits.slice(0, -decimals)))
  const figure = decimals === 0 ? whole : `${whole}.${digits.slice(-decimals)}`
  const sign = units < 0n ? '-' : ''
  const symbol = symbolOf(name)
  return symbol === undefined ? `${sign}${figure} ${name}` : `${sign}${symbol}${figure}`
}

/** `€` of EUR, `CA$` of CAD; undefined where the name is no currency's code that has a sign of its own. */
function symbolOf(currency: string): string | undefined {
  if (!/^[A-Z]{3}$/.test(currency)) return undefined
  const format = new Intl.NumberFormat('en', {
    ...{ style: 'currency', currency, currencyDisplay: 'symbol' },
  } as Intl.NumberFormatOptions)
  const symbol = format.formatToParts(0).find(({ type }) => type === 'currency')?.value
  return symbol === currency ? undefined : symbol
}
