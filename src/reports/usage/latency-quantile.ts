import { latencyBounds } from '../../../projections/hourly-usage.ts'

/**
 * How many milliseconds a part of the calls took at most, from counts of those that took no longer than each bound. Between two
 * bounds calls are taken to be spread evenly, as Prometheus does; beyond the last it is that bound.
 * @param part 0 to 1
 * @returns null without calls
 */
export function quantileOf(part: number, within: readonly number[], calls: number): number | null {
  if (calls === 0) return null
  const wanted = part * calls
  const found = within.findIndex((count) => count >= wanted)
  if (found < 0) return latencyBounds.at(-1) ?? null
  const [low, high] = [latencyBounds[found - 1] ?? 0, latencyBounds[found] ?? 0]
  const [below, upTo] = [within[found - 1] ?? 0, within[found] ?? 0]
  return Math.round(low + ((high - low) * (wanted - below)) / Math.max(upTo - below, 1))
}
