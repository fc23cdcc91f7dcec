/** The appender: groups, repeats and splits batches, and loses and doubles nothing over dying connections. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { CallCommand, Hold, Verdict } from '../../src/ledger/append/call-commands.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { CommandRefused, LedgerUnavailable } from '../../src/ledger/unavailable.ts'
import {
  countCommand,
  holdCommand,
  leaseCommand,
  openGateway,
  releaseCommand,
} from '../support/gateway.ts'
import { openLossyLine } from '../support/lossy-line.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

let ledger: Ledger
let key: TestKey
beforeAll(async () => {
  ledger = await openLedger()
  const account = await ledger.account({ plan: 'none' })
  await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 1_000_000 })
  await ledger.grant(account, 1_000_000)
  key = await ledger.key(account)
})
afterAll(() => ledger.close())

/** How often each of these calls was held, settled and so on. */
async function eventsOf(commands: readonly Hold[]) {
  const ids = commands.map((command) => command.requestId)
  const rows = await ledger.owner<{ type: string; events: number; calls: number }[]>`
    select type, count(*) as events, count(distinct request_id) as calls
    from events where request_id in ${ledger.owner(ids)} group by type order by type`
  return [...rows]
}

/** Too long for an index, however well it is compressed. */
function noise(length: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(length))).toString('hex')
}

const heldLocks: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const releaseLock of heldLocks.splice(0)) await releaseLock()
})

/** Takes the shard's lock, so that appends wait; returns what releases it. */
async function holdLock(): Promise<() => Promise<void>> {
  const connection = await ledger.owner.reserve()
  await connection`begin`
  await connection`select enter_shard(0::smallint)`
  const releaseLock = async () => {
    heldLocks.splice(heldLocks.indexOf(releaseLock), 1)
    await connection`rollback`
    connection.release()
  }
  heldLocks.push(releaseLock)
  return releaseLock
}

function waitingAppends() {
  return ledger.owner<{ pid: number }[]>`
    select pid from pg_stat_activity where datname = current_database()
      and wait_event_type = 'Lock' and query like '%append_v1%' and pid <> pg_backend_pid()`
}

describe('batches', () => {
  test('carry what arrives while one is under way', async () => {
    const sizes: number[] = []
    const gateway = openGateway(ledger.url, 'busy', { onBatch: (commands) => sizes.push(commands) })
    await Promise.all(Array.from({ length: 32 }, () => gateway.hold(key, 1)))
    expect(sizes).toEqual([32])
    const releaseLock = await holdLock()
    const first = gateway.hold(key, 1)
    await until(async () => (await waitingAppends()).length === 1)
    const rest = Array.from({ length: 30 }, () => gateway.hold(key, 1))
    await releaseLock()
    await Promise.all([first, ...rest])
    expect(sizes).toEqual([32, 1, 30])
    await gateway.close()
  })

  test('carry the commands of half of very many clients, so that the ledger need not wait for all of them', async () => {
    const sizes: number[] = []
    const gateway = openGateway(ledger.url, 'busier', {
      onBatch: (commands) => sizes.push(commands),
    })
    await Promise.all(Array.from({ length: 100 }, () => gateway.hold(key, 1)))
    expect(sizes).toEqual([50, 50])
    await gateway.close()
  })

  test('never part a group, such as what splits a lease', async () => {
    const sizes: number[] = []
    const gateway = openGateway(ledger.url, 'parting', {
      onBatch: (commands) => sizes.push(commands),
    })
    const lease = leaseCommand(key, 9, 9)
    await gateway.appender.append(lease)
    const others = (count: number) => Array.from({ length: count }, () => gateway.hold(key, 1))
    await Promise.all([
      ...others(31),
      ...gateway.appender.appendGroup([
        releaseCommand(lease),
        holdCommand(key, 1),
        leaseCommand(key, 8, 8),
      ]),
      ...others(10),
    ])
    expect(sizes).toEqual([1, 34, 10])
    await gateway.close()
  })
})

describe('one bad command', () => {
  test('does not fail its neighbours, wherever it stands', async () => {
    const { hold: open } = await ledger.hold(key, 1)
    const cannotBeWritten = 'cannot be written'
    const bad = new Map<CallCommand, Verdict | typeof cannotBeWritten>([
      [open, 'duplicate_request'],
      [holdCommand(key, -1), 'amount_out_of_range'],
      [holdCommand(key, 1.5), cannotBeWritten],
      [holdCommand(key, 1, { actor: 'two\nlines' }), cannotBeWritten],
      [holdCommand(key, 1, { endpoint: 'nul\0' }), cannotBeWritten],
      [holdCommand(key, 1, { requestId: noise(500) }), 'request_out_of_time'],
      [releaseCommand(open, { reason: 'half a pair \ud800' }), cannotBeWritten],
      [countCommand(key, -1), 'amount_out_of_range'],
    ])
    const good = Array.from({ length: 32 }, () => holdCommand(key, 1))
    const commands = good.flatMap((command, i) => [
      ...(i % 4 === 3 ? [...bad.keys()].slice(i >> 2, (i >> 2) + 1) : []),
      command,
    ])
    const size = await ledger.size()
    const results = await Promise.allSettled(commands.map(ledger.append))
    const verdicts = results.map((result) => {
      if (result.status === 'fulfilled') return result.value.verdict
      expect(result.reason).toBeInstanceOf(CommandRefused)
      return cannotBeWritten
    })
    expect(verdicts).toEqual(commands.map((command) => bad.get(command) ?? 'ok'))
    expect(await ledger.size()).toBe(size + good.length)
  })

  test('fails its group with it, and no other command', async () => {
    const good = (count: number) => Array.from({ length: count }, () => holdCommand(key, 1))
    const group = [...good(2), holdCommand(key, 1.5), ...good(3)]
    const { append, appendGroup } = ledger.appender
    const size = await ledger.size()
    const results = await Promise.allSettled([
      ...good(5).map(append),
      ...appendGroup(good(3)),
      ...appendGroup(group),
      append(holdCommand(key, 1)),
    ])
    expect(results.map(({ status }) => status)).toEqual([
      ...Array(8).fill('fulfilled'),
      ...Array(group.length).fill('rejected'),
      'fulfilled',
    ])
    expect(await ledger.size()).toBe(size + 9)
  })
})

describe('a client that gives up', () => {
  test('is rejected at its timeout, and the hold that it is granted afterwards is released', async () => {
    const gateway = openGateway(ledger.url, 'hasty', { timeoutMs: 100 })
    const releaseLock = await holdLock()
    const command = holdCommand(key, 1)
    await expect(gateway.append(command)).rejects.toBeInstanceOf(LedgerUnavailable)
    expect(await eventsOf([command])).toHaveLength(0)
    await releaseLock()
    await until(async () => (await eventsOf([command])).length === 2)
    expect((await eventsOf([command])).map((e) => e.type)).toEqual(['CreditsHeld', 'HoldReleased'])
    await gateway.close()
  })

  test('because the gateway closes is rejected at once, whether its command was sent or not', async () => {
    const gateway = openGateway(ledger.url, 'closing')
    await gateway.count(key, 1)
    const releaseLock = await holdLock()
    const sent = gateway.append(holdCommand(key, 1))
    await until(async () => (await waitingAppends()).length === 1)
    const waiting = gateway.append(holdCommand(key, 1))
    gateway.appender.close()
    await expect(sent).rejects.toBeInstanceOf(LedgerUnavailable)
    await expect(waiting).rejects.toBeInstanceOf(LedgerUnavailable)
    await expect(gateway.append(holdCommand(key, 1))).rejects.toBeInstanceOf(LedgerUnavailable)
    await releaseLock()
    await gateway.close()
  })
})

describe('a producer', () => {
  test('that the ledger forgot over a long silence is opened anew, and no command is refused', async () => {
    const gateway = ledger.newGateway('sleepy')
    expect((await gateway.hold(key, 1)).verdict).toBe('ok')
    await ledger.owner`delete from producers where instance = 'sleepy'`
    const command = holdCommand(key, 1)
    expect((await gateway.append(command)).verdict).toBe('ok')
    expect(await eventsOf([command])).toEqual([{ type: 'CreditsHeld', events: 1, calls: 1 }])
  })

  test.each([
    ['gone', (sql: Sql) => sql`delete from producers where instance = 'gone'`],
    ['fenced', (sql: Sql) => sql`update producers set fenced_at = now() where instance = 'fenced'`],
  ])(
    'that is %s when a batch has to be sent again leaves its clients without a verdict',
    async (instance, end) => {
      const gateway = ledger.newGateway(instance)
      await gateway.count(key, 1)
      const command = holdCommand(key, 1)
      const lock = await ledger.owner.reserve()
      await lock`begin`
      await lock`select enter_shard(0::smallint)`
      const result = gateway.append(command).then(() => 'decided', String)
      await until(async () => (await waitingAppends()).length === 1)
      const [waiting] = await waitingAppends()
      await end(lock as unknown as Sql)
      await lock`select pg_terminate_backend(${waiting?.pid ?? 0})`
      await lock`commit`
      lock.release()
      // It was not appended, but without the producer nobody could know.
      expect(await result).toContain('LedgerUnavailable')
      expect(await eventsOf([command])).toEqual([])
      expect((await gateway.hold(key, 1)).verdict).toBe('ok')
    },
  )

  test('is forgotten a week after it was fenced, and not before', async () => {
    const later = await openLedger()
    const counted = async (instance: string) =>
      (await later.sql`select from producers where instance = ${instance}`).length
    const account = await later.account()
    const gateway = later.newGateway('old')
    await gateway.hold(await later.key(account), 1)
    await later.advance(8 * 86_400_000)
    await later.newGateway('new').hold(await later.key(account), 1)
    await later.owner`update producers set fenced_at = ledger_now() where instance = 'old'`
    await later.advance(7 * 86_400_000)
    await later.newGateway('newer').hold(await later.key(account), 1)
    expect(await counted('old')).toBe(1)
    await later.advance(1)
    await later.newGateway('newest').hold(await later.key(account), 1)
    expect(await counted('old')).toBe(0)
    await later.close()
  })
})

describe('a connection that dies', () => {
  test('before the ledger has decided: the batch is appended once, over the next connection', async () => {
    const gateway = ledger.newGateway('struck')
    await gateway.count(key, 1)
    const commands = Array.from({ length: 10 }, () => holdCommand(key, 1))
    for (const command of commands) {
      const releaseLock = await holdLock()
      const result = gateway.append(command)
      await until(async () => (await waitingAppends()).length === 1)
      const [waiting] = await waitingAppends()
      await ledger.owner`select pg_terminate_backend(${waiting?.pid ?? 0})`
      await releaseLock()
      expect((await result).verdict).toBe('ok')
    }
    expect(await eventsOf(commands)).toEqual([{ type: 'CreditsHeld', events: 10, calls: 10 }])
  })

  test('after the ledger has decided: the same batch gets the results that were stored', async () => {
    const line = await openLossyLine(ledger.url)
    const gateway = openGateway(line.url, 'unheard')
    const commands = Array.from({ length: 10 }, () => holdCommand(key, 1))
    for (const command of commands) {
      await gateway.count(key, 1)
      line.loseNextResult()
      expect((await gateway.append(command)).verdict).toBe('ok')
    }
    expect(line.lost).toBe(10)
    expect(await eventsOf(commands)).toEqual([{ type: 'CreditsHeld', events: 10, calls: 10 }])
    await gateway.close()
    await line.close()
  })

  test('again and again, while 1,000 commands are appended: none is lost and none is appended twice', async () => {
    const gateway = ledger.newGateway('mortal')
    const commands = Array.from({ length: 500 }, () => holdCommand(key, 2))
    const killer = killAppends()
    const verdicts: string[] = []
    let next = 0
    const worker = async () => {
      for (let command = commands[next++]; command; command = commands[next++]) {
        verdicts.push((await gateway.append(command)).verdict)
        verdicts.push((await gateway.settle(command, 1)).verdict)
      }
    }
    await Promise.all(Array.from({ length: 25 }, worker))
    expect(await killer.stop()).toBeGreaterThan(3)
    expect(verdicts).toEqual(Array(1_000).fill('ok'))
    expect(await eventsOf(commands)).toEqual([
      { type: 'CreditsHeld', events: 500, calls: 500 },
      { type: 'HoldSettled', events: 500, calls: 500 },
    ])
  })
})

/** Ends a backend in the middle of an append whenever the log has grown by some more events. */
function killAppends(): { stop(): Promise<number> } {
  let running = true
  const work = (async () => {
    let killed = 0
    let position = 0
    while (running) {
      const [row] = await ledger.owner<[{ position: number; killed: number }]>`
        select h.position, (
          select count(pg_terminate_backend(pid)) from pg_stat_activity
          where h.position >= ${position} and datname = current_database() and state = 'active'
            and query like '%append_v1%' and pid <> pg_backend_pid()) as killed
        from heads h`
      if (row.killed > 0) position = row.position + 50
      killed += row.killed
    }
    return killed
  })()
  return {
    stop() {
      running = false
      return work
    },
  }
}
