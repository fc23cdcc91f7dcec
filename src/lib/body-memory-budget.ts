/**
 * The memory for request bodies that a gateway holds at once. Each body has its route's limit, and all of them together
 * have this one: without it many clients could fill the memory before any of them has bought anything.
 *
 * The bodies of one owner take no more than three times what is left to all others: alone three quarters of the memory,
 * beside another such owner three sevenths. So nobody can take all of it, and who needs little finds it. (Dynamic
 * thresholds, as Choudhury and Hahne describe them for the buffers of switches: "Dynamic Queue Length Thresholds for
 * Shared-Memory Packet Switches", 1998.)
 */

/** How many times what is left to others the bodies of one owner may take. */
const maxTimesLeft = 3

/** The memory of one request's body. */
export interface BodyMemory {
  /** Whose body it is. Set before anything is taken. */
  owner: string
  /** Takes this many bytes more, if the budget has them. */
  readonly take: (bytes: number) => boolean
  /** Frees all that was taken. */
  free(): void
}

/** Begins the account of a body. */
export type NewBodyMemory = () => BodyMemory

export function openBodyMemoryBudget(maxBytes: number): NewBodyMemory {
  let available = maxBytes
  /** What each owner has taken. */
  const owned = new Map<string, number>()
  return () => {
    let taken = 0
    const memory: BodyMemory = {
      owner: '',
      take(bytes) {
        const own = (owned.get(memory.owner) ?? 0) + bytes
        if (own > maxTimesLeft * (available - bytes)) return false
        available -= bytes
        taken += bytes
        owned.set(memory.owner, own)
        return true
      },
      free() {
        if (taken === 0) return
        available += taken
        const left = (owned.get(memory.owner) ?? 0) - taken
        if (left > 0) owned.set(memory.owner, left)
        else owned.delete(memory.owner)
        taken = 0
      },
    }
    return memory
  }
}
