/**
 * Room for the large bodies that a gateway holds at once: each has its route's limit, and all of them have
 * this one, which many clients could reach together before any of them has bought anything.
 */

/** One call's share of the room. */
export interface Share {
  /** Whether there is room for this many bytes more, which then are the share's. */
  readonly take: (bytes: number) => boolean
  /** Gives back all that was taken. */
  giveBack(): void
}

export function openBodyRoom(bytes: number): () => Share {
  let left = bytes
  return () => {
    let taken = 0
    return {
      take(more) {
        if (more > left) return false
        left -= more
        taken += more
        return true
      },
      giveBack() {
        left += taken
        taken = 0
      },
    }
  }
}
