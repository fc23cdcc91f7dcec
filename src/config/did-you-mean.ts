/** The known name that somebody most likely meant, for typos in configuration and request bodies. */
export function didYouMean(name: string, known: readonly string[]): string | undefined {
  // A longer name may be missed by more; beyond a third of it, a guess would rather mislead.
  const bound = Math.max(1, Math.min(3, Math.floor(name.length / 3)))
  let best: string | undefined
  let bestDistance = bound + 1
  for (const candidate of known) {
    // The distance is at least the difference of the lengths, and a client's name may be very long.
    if (Math.abs(candidate.length - name.length) > bound) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Levenshtein's distance: how many characters to add, drop or change. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const changed = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
