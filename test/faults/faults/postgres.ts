/** PostgreSQL dies, freezes, loses connections and results, or has no connections to give. */
import { gatewaySilenceSeconds } from '../../../src/ledger/connect.ts'
import { until } from '../../support/until.ts'
import { search } from '../calls.ts'
import { expectThat, type Fault, type Figures } from '../fault.ts'
import { type Load, makeCall, untilAllSell } from '../load.ts'
import { slowest, soldBetween } from '../measure.ts'
import type { Random } from '../random.ts'
import { untilLedgerResponds, type World } from '../world.ts'

/** A call waits five seconds for the ledger, and then says so; the rest is a machine that is busy. */
const refusedWithinMs = 7_000
const refused = 'until a call is refused'
const sellsAgain = 'until all gateways sell, once PostgreSQL responds'
/** A gateway must not gather what it cannot write. */
const maxGrowthBytes = 96 * 1024 * 1024

export const postgresFaults: readonly Fault[] = [
  {
    name: 'postgres/kill',
    says: 'kill -9 of PostgreSQL, with or without its children, and its restart',
    runs: 200,
    async strike(world, load, random) {
      const { postgres } = world.servers
      await Bun.sleep(random.int(0, 60))
      const killedAtMs = performance.now()
      await postgres.kill({ childrenToo: random.chance(0.7) })
      await Bun.sleep(random.int(0, 300))
      await postgres.start()
      await untilLedgerResponds(world)
      return sellAgain(world, load, random, { sinceMs: killedAtMs, calls: 10 })
    },
  },
  {
    name: 'postgres/crash-backend',
    says: 'kill -9 of one of its processes, upon which it restarts itself',
    runs: 20,
    async strike(world, load, random) {
      const pids = await backends(world)
      const killedAtMs = performance.now()
      world.servers.postgres.killBackend(random.pick(pids))
      await untilLedgerResponds(world)
      return sellAgain(world, load, random, { sinceMs: killedAtMs, calls: 10 })
    },
  },
  {
    name: 'postgres/terminate-backend',
    says: 'a gateway’s connection is terminated, mostly one that appends',
    runs: 20,
    async strike(world, load, random) {
      for (let times = random.int(1, 4); times > 0; times--) {
        const pids = await backends(world, random.chance(0.7) ? '%append_v%' : '%')
        if (pids.length > 0)
          await world.ledger.owner`select pg_terminate_backend(${random.pick(pids)})`
        await load.calls(5)
      }
    },
  },
  {
    name: 'postgres/freeze',
    says: 'SIGSTOP of PostgreSQL for longer than any call waits',
    runs: 20,
    async strike(world, load, random) {
      const { postgres } = world.servers
      const memory = () => world.fleet.active.map(({ residentBytes }) => residentBytes)
      await Bun.sleep(random.int(0, 40))
      const before = memory()
      postgres.freeze()
      const frozenAtMs = performance.now()
      let thawedAtMs = 0
      try {
        // Each client has been refused once, and begun again.
        await until(() => slowest(world, frozenAtMs, 503) > 0, refusedWithinMs + 3_000)
        await Bun.sleep(random.int(0, 300))
      } finally {
        thawedAtMs = performance.now()
        postgres.thaw()
      }
      // What was settled just before is still on its way for a moment.
      const sold = soldBetween(world, frozenAtMs + 1_000, thawedAtMs)
      const what = sold.map(({ id, kind }) => `${id} (${kind.name})`)
      expectThat(sold.length === 0, `sold by a frozen ledger: ${what}`)
      const grown = Math.max(...memory().map((bytes, i) => bytes - (before[i] ?? 0)))
      expectThat(grown < maxGrowthBytes, `a gateway grew by ${grown} bytes`)
      const refusedAfterMs = slowest(world, frozenAtMs, 503)
      expectThat(refusedAfterMs < refusedWithinMs, `refused only after ${refusedAfterMs} ms`)
      const againMs = await untilAllSell(world, random)
      await load.calls(20)
      return {
        [refused]: refusedAfterMs,
        [sellsAgain]: againMs,
        'growth in MiB': grown / 1_048_576,
      }
    },
  },
  {
    name: 'postgres/lost-result',
    says: 'a connection breaks after a batch was committed, and before its gateway learns of it',
    runs: 20,
    async strike({ fleet }, load, random) {
      for (let times = random.int(1, 3); times > 0; times--) {
        const { line } = random.pick(fleet.active)
        let skip = random.int(0, 4)
        let lost = false
        line.watch(({ towards, isProducer }) => {
          const mine = isProducer && towards === 'client' && !lost && skip-- <= 0
          lost ||= mine
          return mine ? 'lose' : 'pass'
        })
        await until(() => lost, 10_000)
        line.watch()
        await load.calls(10)
      }
    },
  },
  {
    name: 'postgres/silent-line',
    says: 'one gateway’s line to PostgreSQL falls silent, for a moment or for longer than a call waits, and speaks again',
    runs: 20,
    async strike(world, load, random) {
      const { line } = random.pick(world.fleet.active)
      const fromMs = performance.now()
      line.fallSilent()
      await Bun.sleep(random.chance(0.3) ? random.int(5_000, 6_000) : random.int(20, 800))
      line.speakAgain()
      return sellAgain(world, load, random, { sinceMs: fromMs, calls: 20 })
    },
  },
  {
    name: 'postgres/silent-for-ever',
    says: 'one gateway’s connections to PostgreSQL fall silent for good, as when a machine vanishes; new ones work',
    runs: 20,
    async strike(world, load, random) {
      const { line } = random.pick(world.fleet.active)
      const fromMs = performance.now()
      await Bun.sleep(random.int(0, 60))
      line.swallow()
      const againMs = await untilAllSell(world, random, gatewaySilenceSeconds * 1_000 + 10_000)
      await load.calls(20)
      return {
        [refused]: slowest(world, fromMs, 503),
        'until all gateways sell, over new connections': againMs,
      }
    },
  },
  {
    name: 'postgres/read-only',
    says: 'PostgreSQL takes no writes from any connection that gateways make, and then from new ones again',
    runs: 20,
    async strike(world, load, random) {
      const { owner } = world.ledger
      const fromMs = performance.now()
      await owner`alter role gateway set default_transaction_read_only = on`
      let writableAtMs = 0
      try {
        for (const pid of await backends(world)) await owner`select pg_terminate_backend(${pid})`
        await until(() => slowest(world, fromMs, 503) > 0, refusedWithinMs + 3_000)
        await Bun.sleep(random.int(0, 500))
      } finally {
        writableAtMs = performance.now()
        await owner`alter role gateway reset default_transaction_read_only`
      }
      // What was settled just before is still on its way for a moment.
      const sold = soldBetween(world, fromMs + 1_500, writableAtMs)
      expectThat(sold.length === 0, `sold by a read-only ledger: ${sold.map(({ id }) => id)}`)
      return sellAgain(world, load, random, { sinceMs: fromMs, calls: 20 })
    },
  },
  {
    name: 'postgres/no-connections',
    says: 'PostgreSQL ends all connections of the gateways and takes no new ones for a while',
    runs: 20,
    async strike(world, load, random) {
      const { owner } = world.ledger
      const fromMs = performance.now()
      await owner`alter role gateway connection limit 0`
      try {
        for (const pid of await backends(world)) await owner`select pg_terminate_backend(${pid})`
        await Bun.sleep(random.int(100, 1_500))
      } finally {
        await owner`alter role gateway connection limit -1`
      }
      return sellAgain(world, load, random, { sinceMs: fromMs, calls: 20 })
    },
  },
  {
    name: 'postgres/pool-exhausted',
    says: 'every connection for reading waits for a lock: known keys are still sold to',
    runs: 20,
    async strike(world, load, random) {
      const { ledger, fleet, cast } = world
      const gateway = random.pick(fleet.active)
      const known = cast.wide[0] as (typeof cast.wide)[number]
      expectThat((await makeCall(world, gateway, known, search, random)).status === 200, 'a sale')
      const unknown = await Promise.all(Array.from({ length: 20 }, () => ledger.key(known.account)))
      const connection = await ledger.owner.reserve()
      await connection`begin`
      await connection`lock table account_secrets in access exclusive mode`
      const waiting = unknown.map((key) => makeCall(world, gateway, key, search, random))
      try {
        const locked = () => ledger.owner`select pid from pg_stat_activity
          where datname = current_database() and usename = 'gateway' and wait_event_type = 'Lock'`
        await until(async () => (await locked()).length >= 8)
        await Bun.sleep(random.int(0, 500))
        const { status } = await makeCall(world, gateway, known, search, random)
        expectThat(status === 200, `a known key got ${status}`)
      } finally {
        await connection`rollback`
        connection.release()
      }
      await Promise.all(waiting)
      await load.calls(10)
    },
  },
]

/** Waits until every gateway sells, makes calls, and says how long clients waited. */
async function sellAgain(
  world: World,
  load: Load,
  random: Random,
  { sinceMs, calls }: { readonly sinceMs: number; readonly calls: number },
): Promise<Figures> {
  const againMs = await untilAllSell(world, random)
  await load.calls(calls)
  return { [refused]: slowest(world, sinceMs, 503), [sellsAgain]: againMs }
}

/** Processes of PostgreSQL that serve the gateways, with a last statement like this. */
async function backends({ ledger, database }: World, like = '%'): Promise<number[]> {
  const rows = await ledger.owner<{ pid: number }[]>`
    select pid from pg_stat_activity
    where datname = ${database} and usename = 'gateway' and query like ${like}`
  return rows.map(({ pid }) => pid)
}
