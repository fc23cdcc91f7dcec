/**
 * Sums over time, calls or accounts, which can exceed what a JavaScript number keeps exactly. A sum is a number while it is a
 * safe integer, and its decimal text beyond that, so that nobody who reads it gets a rounded figure.
 */
export type Sum = number | string

export function toSum(value: bigint): Sum {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

export function addSums(...sums: readonly Sum[]): Sum {
  return toSum(sums.reduce((total, sum) => total + BigInt(sum), 0n))
}

export function subtractSums(from: Sum, what: Sum): Sum {
  return toSum(BigInt(from) - BigInt(what))
}

/** How often a whole number of times an amount is. */
export function multiplySums(amount: Sum, times: Sum): Sum {
  return toSum(BigInt(amount) * BigInt(times))
}

/** For sort: below 0 where the first is the smaller one. */
export function compareSums(a: Sum, b: Sum): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : Number(BigInt(a) - BigInt(b))
}

/** A part of a whole, as near as a number is; 0 of nothing. */
export function ratioOfSums(part: Sum, whole: Sum): number {
  return compareSums(whole, 0) === 0 ? 0 : Number(part) / Number(whole)
}

/** The sum as a figure of a table, where a text would be no figure. */
export function figureOf(sum: Sum): number | bigint {
  return typeof sum === 'number' ? sum : BigInt(sum)
}
