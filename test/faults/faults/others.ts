/** Services, callers, clocks and keys that do what they please, and gateways that are told to stop. */
import { until } from '../../support/until.ts'
import { bulk, chat, languages, longSpeech, search, speech, transcription } from '../calls.ts'
import { expectThat, type Fault } from '../fault.ts'
import type { FaultGateway } from '../gateways.ts'
import { makeCall } from '../load.ts'
import { slowest } from '../measure.ts'
import { holdSeconds } from '../settings.ts'
import type { Mood } from '../upstream.ts'

/** So many that holds and releases of the account surely meet in some batch. */
const lowCreditCalls = 300
const anHourMs = 3_600_000
/** Calls under way are refused in five seconds, the book has ten, and its connections five. */
const endsWithinMs = 30_000
/** Each of three gateways looks for overdue holds every two seconds; less than a service may take. */
const expiresWithinMs = 1_700

export const upstreamFaults: readonly Fault[] = [
  moody('slow', 'services take longer than their routes allow', 12),
  moody('failing', 'services answer with 4xx and 5xx', 60),
  moody('dying', 'services die in the middle of an answer', 60),
  {
    name: 'upstream/refusing',
    says: 'services are gone, and come back',
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

export const callerFaults: readonly Fault[] = [
  {
    name: 'caller/leaves-answer',
    says: 'callers leave while they are answered',
    runs: 20,
    load: { leaving: 0.6, leavingIn: 'answer', kinds: [longSpeech, chat, chat, speech, search] },
    strike: (_, load) => load.calls(60),
  },
  {
    name: 'caller/leaves-upload',
    says: 'callers leave in the middle of what they send',
    runs: 20,
    load: { leaving: 0.6, leavingIn: 'request', kinds: [transcription, bulk, search] },
    strike: (_, load) => load.calls(60),
  },
]

export const clockFaults: readonly Fault[] = [
  {
    name: 'clock/book-ahead',
    says: 'the book’s clock is moved an hour ahead while services work: holds expire under them',
    runs: 20,
    async strike({ clock, upstream }, load) {
      const expired = Bun.sleep(expiresWithinMs)
      upstream.received = () => expired
      await clock.move(anHourMs)
      await expired
      upstream.received = () => {}
      await load.calls(20)
    },
  },
  {
    name: 'clock/book-behind',
    says: 'the book’s clock is moved an hour back, and calls go on',
    runs: 20,
    async strike({ clock }, load) {
      await clock.move(-anHourMs)
      await load.calls(40)
    },
  },
  {
    name: 'clock/gateway',
    says: 'one gateway’s clock is moved an hour ahead, then an hour back, then right',
    runs: 20,
    async strike({ fleet }, load, random) {
      const gateway = random.pick(fleet.active)
      for (let moves = 0; moves < 3; moves++) {
        gateway.moveClock()
        await load.calls(15)
      }
    },
  },
]

export const keyFaults: readonly Fault[] = [
  {
    name: 'keys/change',
    says: 'a key that every gateway knows is disabled, enabled, and revoked while it calls',
    runs: 20,
    async strike(world, load, random) {
      const { book, auditor, fleet } = world
      const key = await book.key(world.cast.changing.account)
      const ask = (kind = search) =>
        Promise.all(fleet.active.map((gateway) => makeCall(world, gateway, key, kind, random)))
      const change = async (type: string, allowed: boolean) => {
        if (!allowed)
          auditor.keyChanges.push({ keyId: key.keyId, allowed, atMs: performance.now() })
        await book.change(key, type)
        auditor.keyChanges.push({ keyId: key.keyId, allowed, atMs: performance.now() })
        return performance.now()
      }
      await ask()
      await change('KeyDisabled', false)
      await ask()
      const enabledAtMs = await change('KeyEnabled', true)
      while (performance.now() - enabledAtMs < 1_100) await slowly(ask)
      await ask()
      const revokedAtMs = await change('KeyRevoked', false)
      expectThat(
        (await ask()).every(({ status }) => status === 401),
        'revoked keys buy nothing',
      )
      while (performance.now() - revokedAtMs < 1_000) await slowly(() => ask(languages))
      const late = await ask(languages)
      expectThat(
        late.every(({ status }) => status === 401),
        'nor do they get what is free',
      )
      await load.calls(5)
    },
  },
]

async function slowly(ask: () => Promise<unknown>): Promise<void> {
  await ask()
  await Bun.sleep(20)
}

export const gatewayFaults: readonly Fault[] = [
  {
    name: 'gateway/sigterm',
    says: 'SIGTERM of a gateway under load: what it began it finishes',
    runs: 20,
    takesThird: true,
    async strike(world, load, random) {
      const gateway = random.pick(world.fleet.active)
      const toldAtMs = performance.now()
      const ending = gateway.terminate()
      await world.fleet.replace(gateway)
      expectThat((await ending) === 0, 'it ends with status 0')
      const endedAtMs = performance.now()
      const begun = new Set(
        world.upstream.executions
          .filter(({ receivedAtMs }) => receivedAtMs < toldAtMs)
          .map(({ callId }) => callId),
      )
      await load.calls(10)
      const cut = world.calls.filter(
        ({ callId, isNamed, gateway: name, whole, left }) =>
          name === gateway.name && begun.has(callId) && !isNamed && !whole && !left,
      )
      expectThat(cut.length === 0, `it cut off ${cut.map(({ id }) => id)}`)
      return { 'until it has ended': endedAtMs - toldAtMs }
    },
  },
  {
    name: 'gateway/sigterm-frozen-book',
    says: 'SIGTERM of a gateway whose PostgreSQL does not answer: it ends all the same',
    runs: 20,
    takesThird: true,
    async strike(world, load, random) {
      const { postgres } = world.servers
      const gateway = random.pick(world.fleet.active)
      await world.fleet.replace(gateway)
      // The next one to stand by could not start without a book.
      await world.fleet.ready()
      postgres.freeze()
      // Time for it to ask something that will not be answered.
      await Bun.sleep(random.int(0, 2_500))
      const toldAtMs = performance.now()
      const ended = gateway.terminate().then((status) => ({ status, atMs: performance.now() }))
      try {
        const end = await Promise.race([ended, Bun.sleep(endsWithinMs)])
        expectThat(end?.status === 0, `it ended with ${end?.status} within ${endsWithinMs} ms`)
      } finally {
        postgres.thaw()
      }
      const { atMs } = await ended
      await load.calls(10)
      return { 'until it has ended': atMs - toldAtMs }
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
        await world.clock.move(holdSeconds * 1_000 + 1_000)
        const [{ last }] = await world.book.sql<[{ last: Date }]>`
          select coalesce(max(expires_at), book_now()) as last from open_holds
          where expires_at < book_now()`
        const overdue = async () => {
          const rows = await world.book.sql`select 1 from open_holds where expires_at <= ${last}`
          return rows.length
        }
        await until(async () => (await overdue()) === 0, 10_000)
      } finally {
        gateway.thaw()
      }
      await load.calls(20)
    },
  },
]

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
      const { book, fleet, upstream } = world
      const key = await book.key(await book.account({ plan: 'wide' }))
      const kind = random.pick([search, bulk, speech])
      const callId = `call-once-${random.int(1, 1_000_000_000)}`
      const tryOf = { callId, body: kind.body?.(callId, random) }
      const attempt = () => makeCall(world, random.pick(fleet.active), key, kind, random, { tryOf })
      const calls = await Promise.all(Array.from({ length: 100 }, attempt))
      calls.push(await attempt())
      const others = calls.filter(
        ({ status, code }) => status !== 200 && code !== 'idempotency_in_progress',
      )
      expectThat(others.length === 0, `also answered ${others.map(({ status }) => status)}`)
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
      const { book, fleet, upstream } = world
      const key = await book.key(await book.account({ plan: 'nothing' }))
      await book.grant(key.account, 40)
      const lines = fleet.active.map(({ line }) => line)
      for (const line of lines) line.delayMs = 8
      // Most holds are released: the credits stay few, and are fought for.
      upstream.mood = 'failing'
      const [most, other] = fleet.active as [FaultGateway, FaultGateway]
      let made = 0
      const caller = async () => {
        while (made++ < lowCreditCalls) {
          if (made % 20 === 0) await book.grant(key.account, random.int(10, 30))
          await makeCall(world, random.chance(0.8) ? most : other, key, bulk, random)
        }
      }
      await Promise.all(Array.from({ length: 16 }, caller))
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
  const { book, fleet } = world
  const key = await book.key(await book.account({ plan }), options)
  await fleet.widen()
  try {
    const calls = await Promise.all(
      Array.from({ length: 200 }, (_, turn) => {
        const gateway = fleet.active[turn % 3] as (typeof fleet.active)[number]
        return makeCall(world, gateway, key, search, random)
      }),
    )
    const answers = Object.fromEntries(
      Map.groupBy(calls, ({ status }) => status)
        .entries()
        .map(([status, all]) => [status, all.length]),
    )
    expectThat(Bun.deepEquals(answers, { 200: 1, 402: 199 }), JSON.stringify(answers))
  } finally {
    await fleet.narrow()
  }
}
