/** What changes while calls run on a lease: each of them is decided at its end, by the state at that moment. */
import { expireHolds } from '../../../src/ledger/append/expiry.ts'
import type { TestKey } from '../../support/test-ledger.ts'
import { until } from '../../support/until.ts'
import { search } from '../calls.ts'
import { expectThat, type Fault } from '../fault.ts'
import type { FaultGateway } from '../gateways.ts'
import { atOnce, burst, makeCall } from '../load.ts'
import type { Random } from '../random.ts'
import type { ClientCall } from '../records.ts'
import { longestHoldSeconds } from '../settings.ts'
import type { World } from '../world.ts'

export const leaseFaults: readonly Fault[] = [
  {
    name: 'lease/key-revoked',
    says: 'a key is revoked while its calls run on a lease',
    runs: 20,
    async strike(world, load, random) {
      const key = await world.ledger.key(await world.ledger.account({ plan: 'wide' }))
      const calls = await whileRunning(world, key, random, () =>
        world.ledger.change(key, 'KeyRevoked'),
      )
      const sold = calls.filter(({ status }) => status === 200)
      expectThat(sold.length === 0, `${sold.length} calls were charged`)
      await load.calls(5)
    },
  },
  {
    name: 'lease/credits-gone',
    says: 'all credits that are free are taken away while calls run on a lease',
    runs: 20,
    async strike(world, load, random) {
      const { ledger } = world
      const key = await ledger.key(await ledger.account({ plan: 'wide' }))
      const { accountId } = key
      const takeAll = async () => {
        const [row] = await ledger.sql<[{ free: number }]>`
          select sum(granted + refunded - adjusted - settled - held)::bigint as free
          from lots where account_id = ${accountId}`
        const taken = { accountId, mode: 'live', credits: row.free, actor: 'test' } as const
        await ledger.commands.adjust(0, taken)
      }
      const calls = await whileRunning(world, key, random, takeAll)
      expectAllSold(calls)
      await load.calls(5)
    },
  },
  {
    name: 'lease/hold-expired',
    says: 'a lease is expired by another gateway while calls run on it',
    runs: 20,
    async strike(world, load, random) {
      const { ledger, clock } = world
      const key = await ledger.key(await ledger.account({ plan: 'wide' }))
      const expire = async () => {
        const [{ last }] = await ledger.sql<[{ last: number }]>`
          select max(position) as last from open_holds where key_id = ${key.keyId}`
        await clock.move(longestHoldSeconds * 1_000 + 1_000)
        await until(async () => {
          await expireHolds(ledger.sql, 0, ledger.appender)
          const open = await ledger.sql`
            select 1 from open_holds where key_id = ${key.keyId} and position <= ${last}`
          return open.length === 0
        }, 20_000)
      }
      const calls = await whileRunning(world, key, random, expire)
      // A call that had no slot on it has lost its dedicated hold.
      expectAllSold(calls, 503)
      await load.calls(5)
    },
  },
]

/** All were charged except those whose upstream was too late: on a slow machine, what happens meanwhile takes a while. */
function expectAllSold(calls: readonly ClientCall[], ...but: readonly number[]): void {
  const expected = [200, 504, ...but]
  const other = calls.filter(({ status }) => !expected.includes(status ?? 0))
  expectThat(other.length === 0, `got ${other.map(({ status }) => status)}`)
}

/** Calls of a key that all run on a lease, with this done while the upstream has them. */
async function whileRunning(
  { ledger, fleet, upstream, ...world }: World,
  key: TestKey,
  random: Random,
  work: () => Promise<unknown>,
): Promise<ClientCall[]> {
  const gateway = random.pick(fleet.active)
  const all = { ledger, fleet, upstream, ...world }
  await untilOnLease(all, gateway, key, random)
  const { promise: done, resolve: goOn } = Promise.withResolvers<void>()
  let running = 0
  upstream.received = async ({ callId }) => {
    if (!callId?.startsWith(`call-${gateway.name}-`)) return
    running++
    await done
  }
  try {
    // One after the other, for a call that finds no slot while another one asks for a lease takes a dedicated hold.
    const calls: Promise<ClientCall>[] = []
    while (calls.length < atOnce) {
      calls.push(makeCall(all, gateway, key, search, random))
      await until(() => running >= calls.length, 20_000)
    }
    await work()
    goOn()
    return await Promise.all(calls)
  } finally {
    goOn()
    upstream.received = () => {}
  }
}

/** Resolves when the key's calls run on a lease. */
async function untilOnLease(
  world: World,
  gateway: FaultGateway,
  key: TestKey,
  random: Random,
): Promise<void> {
  await until(async () => {
    await burst(world, gateway, key, search, random)
    const ended = await burst(world, gateway, key, search, random)
    const ids = ended.map(({ requestId }) => requestId ?? '')
    const [row] = await world.ledger.sql<[{ count: number }]>`
      select count(*) as count from events
      where request_id = any(${world.ledger.sql.array(ids, 1009)}) and payload ->> 'lease' is not null`
    return row.count === atOnce
  }, 20_000)
}
