/** Figures and times as the pages write them. */

/** `2026-11-30 10:12 UTC` */
export function timeText(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`
}

/** `30 Nov 2026` of a day or a time, in UTC. */
export function dayText(iso: string): string {
  return new Date(iso.length === 10 ? `${iso}T00:00:00Z` : iso).toLocaleDateString('en-GB', {
    ...{ day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' },
  })
}

/** `November 2026` of `2026-11`. */
export function monthText(month: string): string {
  return new Date(`${month}-01T00:00:00Z`).toLocaleDateString('en-GB', {
    ...{ month: 'long', year: 'numeric', timeZone: 'UTC' },
  })
}

/** `a charge`, `3 charges` */
export function count(number: number | string, one: string, many = `${one}s`): string {
  return `${BigInt(number).toLocaleString('en')} ${BigInt(number) === 1n ? one : many}`
}

/** A sum as a number, for drawing: beyond 2^53 it is rounded. */
export const toNumber = (sum: number | string) => Number(sum)

export function total(figures: readonly (number | string)[]): string {
  return String(figures.reduce((sum, figure) => sum + BigInt(figure), 0n))
}
