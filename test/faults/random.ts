/** Random numbers that come again with their seed (mulberry32, by Tommy Ettinger). */
export interface Random {
  /** A whole number from `least` to `most`, both possible. */
  int(least: number, most: number): number
  chance(probability: number): boolean
  pick<T>(of: readonly T[]): T
}

export function seeded(seed: number): Random {
  let state = seed >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (least: number, most: number) => least + Math.floor(next() * (most - least + 1))
  return {
    int,
    chance: (probability) => next() < probability,
    pick: (of) => of[int(0, of.length - 1)] as (typeof of)[number],
  }
}
