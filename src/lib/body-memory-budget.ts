/**
 * The memory for request bodies that a gateway holds at once. Each body has its route's limit, and all of them together
 * have this one: without it many clients could fill the memory before any of them has bought anything.
 */

/** The memory of one request's body. */
export interface BodyMemory {
  /** Takes this many bytes more, if the budget has them. */
  readonly take: (bytes: number) => boolean
  /** Frees all that was taken. */
  free(): void
}

/** Begins the account of a body. */
export type NewBodyMemory = () => BodyMemory

export function openBodyMemoryBudget(maxBytes: number): NewBodyMemory {
  let available = maxBytes
  return () => {
    let taken = 0
    return {
      take(bytes) {
        if (bytes > available) return false
        available -= bytes
        taken += bytes
        return true
      },
      free() {
        available += taken
        taken = 0
      },
    }
  }
}
