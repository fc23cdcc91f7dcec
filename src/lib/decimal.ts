/** Decimal numbers, exactly as they are written: what they say of money must not pass through binary fractions. */

/** `units` × 10^-`scale` */
export interface Decimal {
  readonly units: bigint
  readonly scale: number
}

/** `1.25e-06`, `2`, `0.5`: a number as JSON writes it, and not negative. undefined for anything else, and beyond 100 digits. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^(\d{1,100})(?:\.(\d{1,100}))?(?:[eE]([+-]?\d{1,2}))?$/.exec(text)
  if (!match) return undefined
  const [, whole = '', fraction = '', exponent = '0'] = match
  return { units: BigInt(whole + fraction), scale: fraction.length - Number(exponent) }
}

export function product(factors: readonly Decimal[]): Decimal {
  return factors.reduce((all, { units, scale }) => ({
    units: all.units * units,
    scale: all.scale + scale,
  }))
}

/** The least whole number that is not smaller. */
export function ceiling({ units, scale }: Decimal): bigint {
  if (scale <= 0) return units * 10n ** BigInt(-scale)
  const whole = 10n ** BigInt(scale)
  return (units + whole - 1n) / whole
}
