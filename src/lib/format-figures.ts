/** Figures as people read them. */

/** `1,234` */
export function formatNumber(value: number): string {
  return value.toLocaleString('en')
}

/** `EUR 49.00`, with as many decimals as the currency has. */
export function formatMoney(fee: {
  readonly minorUnits: number
  readonly currency: string
}): string {
  const { minorUnits, currency } = fee
  try {
    const format = new Intl.NumberFormat('en', { style: 'currency', currency })
    const decimals = format.resolvedOptions().maximumFractionDigits ?? 2
    return `${currency} ${(minorUnits / 10 ** decimals).toFixed(decimals)}`
  } catch {
    return `${minorUnits} ${currency} (minor units)` // A code that no standard knows.
  }
}
