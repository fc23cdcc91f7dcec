/** Eight clients, four at each gateway, who call one after the other and keep what they got. */
import { bulk, chat, search, speech } from '../faults/calls.ts'
import { makeCall } from '../faults/load.ts'
import type { Random } from '../faults/random.ts'
import type { ClientCall } from '../faults/records.ts'
import { until } from '../support/until.ts'
import type { Scene, SceneGateway } from './scene.ts'

export interface Load {
  /** Resolves when each gateway has sold this many more. */
  sells(each: number): Promise<void>
  /** Resolves when this many have been sold since the load began. */
  hasSold(count: number): Promise<void>
  /** Resolves when this many more calls have ended, sold or not. */
  calls(count: number): Promise<void>
  /** Lets calls under way end, and makes no more. */
  stop(): Promise<void>
}

const clientsEach = 4
/** No fault here keeps sales from resuming for longer. */
const withinMs = 120_000
/** A client rests so long between two calls: 8 clients make about a hundred calls a second. */
const restMs = 60
const kinds = [search, search, search, search, search, bulk, speech, chat]

export function startLoad(scene: Scene, random: Random): Load {
  let stopped = false
  let ended = 0
  const sold = scene.gateways.map(() => 0)

  async function client(gateway: SceneGateway, at: number, number: number): Promise<void> {
    const key = scene.keys[number % scene.keys.length]
    if (!key) throw new Error('there are no keys')
    while (!stopped) {
      const call = await makeCall(scene, gateway, key, random.pick(kinds), random)
      ended++
      if (isSold(call)) sold[at] = (sold[at] ?? 0) + 1
      await Bun.sleep(restMs)
    }
  }

  const all = Promise.all(
    scene.gateways.flatMap((gateway, at) =>
      Array.from({ length: clientsEach }, (_, number) => client(gateway, at, number)),
    ),
  )
  return {
    async sells(each) {
      const before = [...sold]
      await until(() => sold.every((count, at) => count >= (before[at] ?? 0) + each), withinMs)
    },
    hasSold: (count) => until(() => sold.reduce((sum, one) => sum + one, 0) >= count, withinMs),
    async calls(count) {
      const before = ended
      await until(() => ended >= before + count, withinMs)
    },
    async stop() {
      stopped = true
      await all
    },
  }
}

/** A whole response of something that costs. What turned out to be worth nothing needs no ledger. */
export function isSold({ worth = 0 }: ClientCall): boolean {
  return worth > 0
}
