/** Many calls at once for what only one, or few, can have. */
import { bulk, search, speech } from '../calls.ts'
import { expectThat, type Fault } from '../fault.ts'
import type { FaultGateway } from '../gateways.ts'
import { makeCall } from '../load.ts'

/** So many that holds and releases of the account surely meet in some batch. */
const lowCreditCalls = 300

export const raceFaults: readonly Fault[] = [
  {
    name: 'race/last-credit',
    says: 'two hundred calls at once, over three gateways, for the last credit',
    runs: 20,
    takesThird: true,
    strike: (world, _, random) => race(world, random, 'one', {}),
  },
  {
    name: 'race/key-cap',
    says: 'two hundred calls at once, over three gateways, for the last credit of a key’s cap',
    runs: 20,
    takesThird: true,
    strike: (world, _, random) => race(world, random, 'wide', { monthlyCap: 1 }),
  },
  {
    name: 'race/idempotency-key',
    says: 'a call under one Idempotency-Key, a hundred times at once, over two gateways',
    runs: 20,
    async strike(world, _, random) {
      const { ledger, fleet, upstream } = world
      const key = await ledger.key(await ledger.account({ plan: 'wide' }))
      const kind = random.pick([search, bulk, speech])
      const callId = `call-once-${random.int(1, 1_000_000_000)}`
      const tryOf = { callId, body: kind.body?.(callId, random) }
      const attempt = () => makeCall(world, random.pick(fleet.active), key, kind, random, { tryOf })
      const calls = await Promise.all(Array.from({ length: 100 }, attempt))
      calls.push(await attempt())
      const others = calls.filter(
        ({ status, code }) => status !== 200 && code !== 'idempotency_in_progress',
      )
      expectThat(others.length === 0, `also got ${others.map(({ status }) => status)}`)
      const first = calls.filter(({ status, replayed }) => status === 200 && !replayed)
      expectThat(first.length === 1, `${first.length} were not replayed`)
      const ran = upstream.executions.filter((execution) => execution.callId === callId)
      expectThat(ran.length === 1, `it ran ${ran.length} times`)
    },
  },
  {
    name: 'race/low-credit',
    says: 'an account always nearly out of credits, over slow lines: its holds and releases meet in a batch',
    runs: 20,
    async strike(world, _, random) {
      const { ledger, fleet, upstream } = world
      const key = await ledger.key(await ledger.account({ plan: 'nothing' }))
      await ledger.grant(key.account, 40)
      const lines = fleet.active.map(({ line }) => line)
      for (const line of lines) line.delayMs = 8
      // Most holds are released: the credits stay few, and are fought for.
      upstream.mood = 'failing'
      const [most, other] = fleet.active as [FaultGateway, FaultGateway]
      let made = 0
      const client = async () => {
        while (made++ < lowCreditCalls) {
          if (made % 20 === 0) await ledger.grant(key.account, random.int(10, 30))
          await makeCall(world, random.chance(0.8) ? most : other, key, bulk, random)
        }
      }
      await Promise.all(Array.from({ length: 16 }, client))
      upstream.mood = 'well'
      for (const line of lines) line.delayMs = 0
    },
  },
]

async function race(
  world: Parameters<Fault['strike']>[0],
  random: Parameters<Fault['strike']>[2],
  plan: string,
  options: { readonly monthlyCap?: number },
): Promise<void> {
  const { ledger, fleet } = world
  const key = await ledger.key(await ledger.account({ plan }), options)
  await fleet.widen()
  try {
    const calls = await Promise.all(
      Array.from({ length: 200 }, (_, turn) => {
        const gateway = fleet.active[turn % 3] as (typeof fleet.active)[number]
        return makeCall(world, gateway, key, search, random)
      }),
    )
    const responses = Object.fromEntries(
      Map.groupBy(calls, ({ status }) => status)
        .entries()
        .map(([status, all]) => [status, all.length]),
    )
    expectThat(Bun.deepEquals(responses, { 200: 1, 402: 199 }), JSON.stringify(responses))
  } finally {
    await fleet.narrow()
  }
}
