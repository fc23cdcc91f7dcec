/**
 * A counter with two labels, for what every call counts several times: an addition costs two look-ups. The
 * counter of prom-client makes a text of the labels each time; here it gets the sums when somebody scrapes.
 */
import { Counter, type Registry } from 'prom-client'

interface Tally {
  /** Adds to the series of these label values. */
  add(first: string, second: string | number, amount?: number): void
}

export function openTally(
  registry: Registry,
  options: {
    readonly name: string
    readonly help: string
    readonly labelNames: readonly [string, string]
  },
): Tally {
  const [firstName, secondName] = options.labelNames
  const sums = new Map<string, Map<string | number, number>>()
  new Counter({
    ...options,
    registers: [registry],
    collect() {
      this.reset()
      for (const [first, bySecond] of sums) {
        for (const [second, sum] of bySecond) {
          this.inc({ [firstName]: first, [secondName]: second }, sum)
        }
      }
    },
  })
  return {
    add(first, second, amount = 1) {
      const known = sums.get(first)
      const bySecond = known ?? new Map<string | number, number>()
      if (!known) sums.set(first, bySecond)
      bySecond.set(second, (bySecond.get(second) ?? 0) + amount)
    },
  }
}
