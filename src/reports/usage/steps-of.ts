/** What a chart's time is divided into: UTC days or hours. */
import type { Days } from './usage-figures.ts'

export interface Span extends Days {
  readonly by: 'day' | 'hour'
}

/** So many hours a chart has at most; days are bounded by their query. */
export const maxHours = 31 * 24

interface Steps {
  /** When each begins, ISO 8601. */
  readonly steps: readonly string[]
  readonly from: string
  /** Where the last one ends. */
  readonly to: string
  readonly stepHours: number
}

const hourMs = 3_600_000

export function stepsOf({ from, to, by }: Span): Steps {
  const stepHours = by === 'day' ? 24 : 1
  const begin = Date.parse(`${from}T00:00:00Z`)
  const end = Date.parse(`${to}T00:00:00Z`) + 24 * hourMs
  const count = Math.round((end - begin) / (stepHours * hourMs))
  const at = (step: number) => new Date(begin + step * stepHours * hourMs).toISOString()
  return {
    steps: Array.from({ length: count }, (_, step) => at(step)),
    ...{ from: at(0), to: at(count), stepHours },
  }
}
