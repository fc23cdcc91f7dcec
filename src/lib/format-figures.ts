/** Figures as people read them. */
import type { Sum } from './sums.ts'

/** `1,234` */
export function formatNumber(value: Sum | bigint): string {
  return (typeof value === 'string' ? BigInt(value) : value).toLocaleString('en')
}

/** `EUR 49.00`, with as many decimals as the currency has. */
export function formatMoney(fee: { readonly minorUnits: Sum; readonly currency: string }): string {
  const { minorUnits, currency } = fee
  const decimals = currencyDecimals(currency)
  if (decimals === undefined) return `${minorUnits} ${currency} (minor units)`
  return `${currency} ${decimalOf(minorUnits, decimals)}`
}

/** How many decimals a currency has; undefined: its code is one that no standard knows. */
export function currencyDecimals(currency: string): number | undefined {
  try {
    const format = new Intl.NumberFormat('en', { style: 'currency', currency })
    return format.resolvedOptions().maximumFractionDigits ?? 2
  } catch {
    return undefined
  }
}

/** `49.00` of 4900 with two decimals; exact, whatever the sum. */
function decimalOf(units: Sum, decimals: number): string {
  const digits = String(units).padStart(decimals + 1, '0')
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
}
