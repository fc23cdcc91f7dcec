/** Gateways that receive SIGTERM, or are frozen for a while. */
import { until } from '../../support/until.ts'
import { expectThat, type Fault } from '../fault.ts'
import type { FaultGateway } from '../gateways.ts'
import type { Load } from '../load.ts'
import type { Random } from '../random.ts'
import { askBack } from '../refunds.ts'
import { fenceAfterSeconds, longestHoldSeconds } from '../settings.ts'
import type { World } from '../world.ts'

/** Until when after its charge was sent a response may leave. */
const leavesWithinMs = 5_000

/** Calls under way are refused in five seconds, the ledger has ten, and its connections five. */
const endsWithinMs = 30_000

export const gatewayFaults: readonly Fault[] = [
  {
    name: 'gateway/sigterm',
    says: 'SIGTERM of a gateway under load: what it began it finishes',
    runs: 20,
    takesThird: true,
    async strike(world, load, random) {
      const gateway = random.pick(world.fleet.active)
      const signalledAtMs = performance.now()
      const ending = gateway.terminate()
      await world.fleet.replace(gateway)
      expectThat((await ending) === 0, 'it ends with status 0')
      const endedAtMs = performance.now()
      const begun = new Set(
        world.upstream.executions
          .filter(({ receivedAtMs }) => receivedAtMs < signalledAtMs)
          .map(({ callId }) => callId),
      )
      await load.calls(10)
      const cut = world.calls.filter(
        ({ callId, isNamed, gateway: name, whole, left }) =>
          name === gateway.name && begun.has(callId) && !isNamed && !whole && !left,
      )
      expectThat(cut.length === 0, `it cut off ${cut.map(({ id }) => id)}`)
      return { 'until it has ended': endedAtMs - signalledAtMs }
    },
  },
  {
    name: 'gateway/sigterm-frozen-ledger',
    says: 'SIGTERM of a gateway whose PostgreSQL does not respond: it ends all the same',
    runs: 20,
    takesThird: true,
    async strike(world, load, random) {
      const { postgres } = world.servers
      const gateway = random.pick(world.fleet.active)
      await world.fleet.replace(gateway)
      // The next one to stand by could not start without a ledger.
      await world.fleet.ready()
      postgres.freeze()
      // Time for it to send a query that gets no result.
      await Bun.sleep(random.int(0, 2_500))
      const signalledAtMs = performance.now()
      const ended = gateway.terminate().then((status) => ({ status, atMs: performance.now() }))
      try {
        const end = await Promise.race([ended, Bun.sleep(endsWithinMs)])
        expectThat(end?.status === 0, `it ended with ${end?.status} within ${endsWithinMs} ms`)
      } finally {
        postgres.thaw()
      }
      const { atMs } = await ended
      await load.calls(10)
      return { 'until it has ended': atMs - signalledAtMs }
    },
  },
  {
    name: 'gateway/freeze',
    says: 'SIGSTOP of a gateway until the others have expired its holds; then it goes on',
    runs: 20,
    async strike(world, load, random) {
      const gateway = random.pick(world.fleet.active)
      await Bun.sleep(random.int(0, 40))
      gateway.freeze()
      try {
        await world.clock.move(longestHoldSeconds * 1_000 + 1_000)
        const [{ last }] = await world.ledger.sql<[{ last: Date }]>`
          select coalesce(max(expires_at), ledger_now()) as last from open_holds
          where expires_at < ledger_now()`
        const overdue = async () => {
          const rows = await world.ledger.sql`select 1 from open_holds where expires_at <= ${last}`
          return rows.length
        }
        await until(async () => (await overdue()) === 0, 10_000)
      } finally {
        gateway.thaw()
      }
      await load.calls(20)
    },
  },
  {
    name: 'gateway/stopped-briefly',
    says: 'SIGSTOP of a gateway for less than its responses may take, while customers ask another for their charges',
    runs: 20,
    strike: (world, load, random) =>
      stopped(world, load, random, () => Bun.sleep(random.int(100, leavesWithinMs - 1_500))),
  },
  {
    name: 'gateway/stopped',
    says: 'SIGSTOP of a gateway for longer than its responses may take, while customers ask another for their charges',
    runs: 20,
    strike: (world, load, random) =>
      stopped(world, load, random, () => Bun.sleep(leavesWithinMs + random.int(0, 2_000))),
  },
  {
    name: 'gateway/fenced',
    says: 'SIGSTOP of a gateway until another has fenced it, while customers ask that one for their charges; then it goes on',
    runs: 20,
    strike: (world, load, random) => stopped(world, load, random, () => untilFenced(world)),
  },
]

/** Stops a gateway in the middle of its charges; customers ask another one for them, before and after it goes on. */
async function stopped(
  world: World,
  load: Load,
  random: Random,
  enough: () => Promise<unknown>,
): Promise<void> {
  const [first, second] = random.chance(0.5) ? world.fleet.active : world.fleet.active.toReversed()
  if (!first || !second) throw new Error('two gateways are asked')
  await chargeOnItsWay(first)
  first.freeze()
  try {
    await askBack(world, second)
    await enough()
    await askBack(world, second)
  } finally {
    first.thaw()
  }
  await askBack(world, second)
  await load.calls(20)
  await askBack(world, second)
}

/** The gateway has sent a charge, or its result comes back, this very moment. */
async function chargeOnItsWay({ line }: FaultGateway): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  line.watch(({ towards, isProducer, bytes }) => {
    const isCharge =
      towards === 'server' && isProducer && /settle|charge_on_lease/.test(bytes.toString('latin1'))
    if (isCharge) resolve()
    return 'pass'
  })
  await Promise.race([promise, Bun.sleep(10_000)])
  line.watch()
}

async function untilFenced({ ledger }: World): Promise<void> {
  const fences = () => ledger.sql`select from events where type = 'ProducerFenced'`
  const before = (await fences()).length
  await until(async () => (await fences()).length > before, 2 * fenceAfterSeconds * 1_000)
}
