/**
 * The times of one key's accepted calls, oldest first, in a ring that grows with their number. Adding and
 * dropping a time cost the same however many there are, and nothing is allocated per call.
 */
export interface Ring {
  readonly size: number
  /** Adds a time, not before the newest one. */
  push(time: number): void
  /** Drops every time at or before the edge. */
  dropUntil(edge: number): void
  /** The n-th newest time; n is 1 for the newest and at most `size`. */
  newest(n: number): number
  /** Removes one entry of exactly this time; false when there is none. */
  remove(time: number): boolean
}

const firstCapacity = 8

export function createRing(): Ring {
  let times = new Float64Array(firstCapacity)
  let head = 0
  let size = 0
  const slot = (index: number) => (head + index) % times.length
  const at = (index: number) => times[slot(index)] ?? Number.NaN

  function grow(): void {
    const larger = new Float64Array(times.length * 2)
    for (let index = 0; index < size; index++) larger[index] = at(index)
    times = larger
    head = 0
  }

  return {
    get size() {
      return size
    },
    push(time) {
      if (size === times.length) grow()
      times[slot(size)] = time
      size++
    },
    dropUntil(edge) {
      while (size > 0 && at(0) <= edge) {
        head = slot(1)
        size--
      }
    },
    newest: (n) => at(size - n),
    remove(time) {
      let index = size - 1
      // A permit is returned a moment after it was taken: look from the newest end.
      while (index >= 0 && at(index) > time) index--
      if (index < 0 || at(index) !== time) return false
      for (; index < size - 1; index++) times[slot(index)] = at(index + 1)
      size--
      return true
    },
  }
}
