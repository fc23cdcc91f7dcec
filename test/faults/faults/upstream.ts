/** Upstreams that are slow, fail, die in the middle of a response, or are gone. */
import type { Fault } from '../fault.ts'
import { slowest } from '../measure.ts'
import type { Mood } from '../upstream.ts'

export const upstreamFaults: readonly Fault[] = [
  moody('slow', 'upstreams take longer than their routes allow', 12),
  moody('failing', 'upstreams respond with 4xx and 5xx', 60),
  moody('dying', 'upstreams die in the middle of a response', 60),
  {
    name: 'upstream/refusing',
    says: 'upstreams are gone, and come back',
    runs: 20,
    async strike(world, load, random) {
      const fromMs = performance.now()
      await world.upstream.refuse()
      await load.calls(random.int(10, 60))
      world.upstream.accept()
      await load.calls(20)
      return { 'until a call is refused': slowest(world, fromMs, 502) }
    },
  },
]

function moody(mood: Mood, says: string, calls: number): Fault {
  return {
    ...{ name: `upstream/${mood}`, says, runs: 20 },
    async strike({ upstream }, load) {
      upstream.mood = mood
      await load.calls(calls)
      upstream.mood = 'well'
      await load.calls(5)
    },
  }
}
