/**
 * Forgets entries of a Map that are over, a few at each call. It goes on where it was: to find the first entry, a Map passes
 * over all that were deleted before it.
 */

const looksPerCall = 4

/** Looks at a few entries, in turns, and deletes those that are over. */
export function dropInTurns<Value>(
  entries: Map<string, Value>,
): (isOver: (value: Value) => boolean) => void {
  let looked = entries.entries()
  return (isOver) => {
    for (let looks = 0; looks < looksPerCall; looks++) {
      const { value, done } = looked.next()
      if (done) {
        looked = entries.entries()
        return
      }
      if (isOver(value[1])) entries.delete(value[0])
    }
  }
}
