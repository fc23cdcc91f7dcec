/**
 * kill -9 of a gateway, at every await of a call's way. What is on its way to and from PostgreSQL is kept back
 * on the line, so each instant is met exactly and not by luck.
 */
import { until } from '../../support/until.ts'
import { bulk, chat, search } from '../calls.ts'
import { expectThat, type Fault } from '../fault.ts'
import type { FaultGateway } from '../gateways.ts'
import type { Piece } from '../line.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'

type Verb = 'hold' | 'extend' | 'store' | 'settle' | 'charge_on_lease'

/** How long a fault waits for its instant. */
const maxWaitMs = 30_000

const streamless = { kinds: [search, search, bulk] }
const streams = { kinds: [chat, chat, search, bulk] }

export const killGateway: readonly Fault[] = [
  {
    name: 'kill-gateway/before-hold',
    says: 'kill -9 of a gateway whose hold has not left it',
    ...killing((gateway, random) => batchKept(gateway, 'hold', random)),
  },
  {
    name: 'kill-gateway/in-hold',
    says: 'kill -9 of a gateway whose hold is committed, before it learns of it',
    ...killing((gateway, random) => resultKept(gateway, 'hold', random)),
  },
  {
    name: 'kill-gateway/before-forward',
    says: 'kill -9 of a gateway that just learned of its hold, before it forwards',
    ...killing((gateway, random) => resultPassed(gateway, 'hold', random)),
  },
  {
    name: 'kill-gateway/in-forward',
    says: 'kill -9 of a gateway whose call has reached the upstream, before or while it responds',
    ...killing(reachedService),
  },
  {
    name: 'kill-gateway/before-extend',
    says: 'kill -9 of a gateway in the middle of a stream, before its hold has grown',
    ...killing((gateway, random) => batchKept(gateway, 'extend', random)),
    load: streams,
  },
  {
    name: 'kill-gateway/in-extend',
    says: 'kill -9 of a gateway in the middle of a stream whose hold has grown, before it learns of it',
    ...killing((gateway, random) => resultKept(gateway, 'extend', random)),
    load: streams,
  },
  {
    name: 'kill-gateway/before-store',
    says: 'kill -9 of a gateway that has the response of a named call, before it has stored it',
    ...killing((gateway, random) => batchKept(gateway, 'store', random)),
    load: { careful: 0.7 },
  },
  {
    name: 'kill-gateway/in-store',
    says: 'kill -9 of a gateway that has stored the response of a named call, before it learns of it',
    ...killing((gateway, random) => resultKept(gateway, 'store', random)),
    load: { careful: 0.7 },
  },
  {
    name: 'kill-gateway/before-settle',
    says: 'kill -9 of a gateway that has the response, before its settlement has left it',
    ...killing((gateway, random) => batchKept(gateway, 'settle', random)),
  },
  {
    name: 'kill-gateway/in-settle',
    says: 'kill -9 of a gateway whose settlement is committed, before it learns of it',
    ...killing((gateway, random) => resultKept(gateway, 'settle', random)),
  },
  {
    name: 'kill-gateway/before-charge-on-lease',
    says: 'kill -9 of a gateway whose calls ran on a lease, before their charges have left it',
    ...killing(
      (gateway, random) => batchKept(gateway, 'charge_on_lease', random),
      untilChargedOnLease,
    ),
    load: streamless,
  },
  {
    name: 'kill-gateway/in-charge-on-lease',
    says: 'kill -9 of a gateway whose charges of calls on a lease are committed, before it learns of it',
    ...killing((gateway, random) => resultKept(gateway, 'charge_on_lease', random)),
    load: streamless,
  },
  {
    name: 'kill-gateway/before-response',
    says: 'kill -9 of a gateway that just learned of its settlement, before or while it responds',
    ...killing((gateway, random) => resultPassed(gateway, 'settle', random)),
  },
  {
    name: 'kill-gateway/any-time',
    says: 'kill -9 of a gateway at any instant',
    ...killing(async (_, random) => Bun.sleep(random.int(0, 80))),
  },
]

/** The fault that kills when `moment` has come, and lets clients go on until `enough` of what they want is done. */
function killing(
  moment: (gateway: FaultGateway, random: Random, world: World) => Promise<void>,
  enough?: (world: World) => Promise<void>,
): Pick<Fault, 'runs' | 'takesThird' | 'strike'> {
  return {
    runs: 200,
    takesThird: true,
    async strike(world, load, random) {
      const gateway = random.pick(world.fleet.active)
      await moment(gateway, random, world)
      await gateway.kill()
      await world.fleet.replace(gateway)
      await load.calls(10)
      await enough?.(world)
    },
  }
}

/** The other gateways have charged calls on leases since. */
async function untilChargedOnLease({ ledger }: World): Promise<void> {
  const [before] = await ledger.sql<[{ position: number }]>`select position from heads`
  const chargedOnLease = () => ledger.sql`
    select 1 from events
    where position > ${before.position} and type = 'HoldSettled' and payload ->> 'lease' is not null
    limit 1`
  await until(async () => (await chargedOnLease()).length > 0, maxWaitMs)
}

/** A batch with this in it has come to the line and goes no further. */
function batchKept(gateway: FaultGateway, verb: Verb, random: Random): Promise<void> {
  return onLine(gateway, verb, random, (_, meet) => {
    setTimeout(meet, random.int(0, 5))
    return { batch: 'keep', result: 'keep' }
  })
}

/** The ledger has decided such a batch, so it is committed, and its result goes no further. */
function resultKept(gateway: FaultGateway, verb: Verb, random: Random): Promise<void> {
  return onLine(gateway, verb, random, (step, meet) => {
    if (step === 'result') setTimeout(meet, random.int(0, 5))
    return { batch: 'pass', result: 'keep' }
  })
}

/** The result has been passed on this very moment, or a moment ago. */
function resultPassed(gateway: FaultGateway, verb: Verb, random: Random): Promise<void> {
  return onLine(gateway, verb, random, (step, meet) => {
    const afterMs = random.int(0, 3)
    if (step === 'result') afterMs === 0 ? queueMicrotask(meet) : setTimeout(meet, afterMs)
    return { batch: 'pass', result: 'pass' }
  })
}

/** A call of this gateway is with the upstream. */
async function reachedService(
  gateway: FaultGateway,
  random: Random,
  { upstream }: World,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let skip = random.int(0, 5)
  upstream.received = async ({ callId }) => {
    if (!callId?.startsWith(`call-${gateway.name}-`) || skip-- > 0) return
    setTimeout(resolve, random.int(0, 25))
  }
  await expectMet(promise)
  upstream.received = () => {}
}

type Step = 'batch' | 'result'

/** Watches for one of the next batches with this verb, and decides what happens to it and to its result. */
async function onLine(
  gateway: FaultGateway,
  verb: Verb,
  random: Random,
  decide: (step: Step, meet: () => void) => { batch: 'pass' | 'keep'; result: 'pass' | 'keep' },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let skip = random.int(0, 5)
  let batchOn: number | undefined
  gateway.line.watch((piece) => {
    if (batchOn === undefined && carries(piece, verb) && skip-- <= 0) {
      batchOn = piece.connection
      return decide('batch', resolve).batch
    }
    if (piece.towards === 'client' && piece.connection === batchOn) {
      return decide('result', resolve).result
    }
    return 'pass'
  })
  await expectMet(promise)
}

/**
 * The kinds of a batch's commands stand in it as lines, before anything that a client wrote. Of a gateway's other
 * queries, only the one that stores a response names a request.
 */
function carries({ towards, bytes, isProducer }: Piece, verb: Verb): boolean {
  if (towards !== 'server' || isProducer !== (verb !== 'store')) return false
  const text = bytes.toString('latin1')
  if (verb === 'store') return /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-/.test(text)
  return new RegExp(`\\b${verb}\\b`).test(text)
}

async function expectMet(promise: Promise<void>): Promise<void> {
  const late = Bun.sleep(maxWaitMs).then(() => 'late' as const)
  expectThat((await Promise.race([promise, late])) !== 'late', 'the instant did not come')
}
