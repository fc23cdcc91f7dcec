/** The known name that somebody most likely meant, for typos in configuration and request bodies. */
import { distance } from 'fastest-levenshtein'

/** Undefined when no known name is near enough. */
export function didYouMean(name: string, known: readonly string[]): string | undefined {
  // A longer name may be missed by more; beyond a third of it, a guess would rather mislead.
  const maxDistance = Math.max(1, Math.min(3, Math.floor(name.length / 3)))
  let best: string | undefined
  let bestDistance = maxDistance + 1
  for (const candidate of known) {
    // The distance is at least the difference of the lengths, and a client's name may be very long.
    if (Math.abs(candidate.length - name.length) > maxDistance) continue
    const candidateDistance = distance(name.toLowerCase(), candidate.toLowerCase())
    if (candidateDistance < bestDistance) [best, bestDistance] = [candidate, candidateDistance]
  }
  return best
}
