/** Batches: decided in order, appended once, and never in parts. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { batchColumns, packBatch } from '../../src/ledger/append/batch.ts'
import type { Hold, Verdict } from '../../src/ledger/append/call-commands.ts'
import { connect } from '../../src/ledger/connect.ts'
import {
  countCommand,
  expireCommand,
  holdCommand,
  releaseCommand,
  settleCommand,
} from '../support/gateway.ts'
import { openProducer, sendBatch } from '../support/producer.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

/** A key of an account that has this many credits and no allowance. */
async function keyWith(credits: number, options: { monthlyCap?: number } = {}) {
  const account = await ledger.account({ plan: 'none' })
  if (credits > 0) await ledger.grant(account, credits)
  return ledger.key(account, options)
}

describe('commands of a batch are decided in order', () => {
  test('what a later command frees does not pay for an earlier one', async () => {
    const key = await keyWith(5)
    const { hold } = await ledger.hold(key, 4)
    const producer = await openProducer(ledger.sql)
    const result = await producer.send([holdCommand(key, 5), releaseCommand(hold)])
    expect(result.verdicts).toEqual(['insufficient_credits', 'ok'])
    expect(result.available).toEqual([1, 5])
  })

  test('what an earlier command frees pays for a later one', async () => {
    const key = await keyWith(5)
    const { hold } = await ledger.hold(key, 4)
    const producer = await openProducer(ledger.sql)
    const result = await producer.send([releaseCommand(hold), holdCommand(key, 5)])
    expect(result.verdicts).toEqual(['ok', 'ok'])
    expect(result.available).toEqual([5, 0])
  })

  test('a settlement frees the rest of its hold, and no more, for what follows', async () => {
    const key = await keyWith(10)
    const { hold } = await ledger.hold(key, 10)
    const producer = await openProducer(ledger.sql)
    const commands = [
      settleCommand(hold, 6),
      holdCommand(key, 5),
      holdCommand(key, 4),
      holdCommand(key, 1),
    ]
    expect((await producer.send(commands)).verdicts).toEqual([
      'ok',
      'insufficient_credits',
      'ok',
      'insufficient_credits',
    ])
  })

  test('a hold is resolved by the first of two commands that would', async () => {
    const key = await keyWith(10)
    const producer = await openProducer(ledger.sql)
    for (const [first, second] of [
      [settleCommand, settleCommand],
      [settleCommand, releaseCommand],
      [releaseCommand, settleCommand],
    ] as const) {
      const { hold } = await ledger.hold(key, 2)
      const commands = [first(hold, 1 as never), second(hold, 2 as never)]
      expect(await producer.verdicts(commands)).toEqual(['ok', 'hold_not_open'])
    }
    const [row] = await ledger.sql`
      select sum(settled)::bigint as settled, sum(held)::bigint as held from lots where account_id = ${key.accountId}`
    expect(row).toEqual({ settled: 2, held: 0 })
  })

  test('of many resolutions of many holds the first of each hold counts, wherever it stands', async () => {
    const key = await keyWith(100)
    const holds = await Promise.all(Array.from({ length: 20 }, () => ledger.hold(key, 2)))
    const commands = [1, 2, 3].flatMap((n) => holds.map(({ hold }) => settleCommand(hold, n % 2)))
    const result = await (await openProducer(ledger.sql)).send(commands)
    expect(result.verdicts).toEqual([...Array(20).fill('ok'), ...Array(40).fill('hold_not_open')])
    const [row] = await ledger.sql`
      select sum(settled)::bigint as settled from lots where account_id = ${key.accountId}`
    expect(row).toEqual({ settled: 20 })
  })

  test('a refused resolution leaves the hold to the next one', async () => {
    const key = await keyWith(10)
    const { hold } = await ledger.hold(key, 5)
    const producer = await openProducer(ledger.sql)
    const commands = [
      expireCommand(hold),
      settleCommand(hold, 6),
      settleCommand(hold, 5),
      releaseCommand(hold),
    ]
    expect(await producer.verdicts(commands)).toEqual([
      'hold_not_due',
      'exceeds_hold',
      'ok',
      'hold_not_open',
    ])
  })

  test('the number of open holds follows the commands', async () => {
    const key = await keyWith(10)
    await ledger.change(key.account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 2 })
    const [a, b] = [holdCommand(key, 1), holdCommand(key, 1)]
    const producer = await openProducer(ledger.sql)
    expect(await producer.verdicts([a, b, holdCommand(key, 1)])).toEqual([
      'ok',
      'ok',
      'concurrency_exceeded',
    ])
    const commands = [
      holdCommand(key, 1),
      settleCommand(a, 1),
      holdCommand(key, 1),
      holdCommand(key, 1),
    ]
    expect(await producer.verdicts(commands)).toEqual([
      'concurrency_exceeded',
      'ok',
      'ok',
      'concurrency_exceeded',
    ])
  })

  test('many accounts and keys in one batch do not disturb each other', async () => {
    const keys = await Promise.all([keyWith(3), keyWith(5), keyWith(0)])
    const sibling = await ledger.key(keys[0].account)
    const order = [keys[0], keys[1], keys[2], sibling, keys[0], keys[1], sibling, keys[1]]
    const result = await (await openProducer(ledger.sql)).send(
      order.map((key) => holdCommand(key, 2)),
    )
    const poor = 'insufficient_credits'
    expect(result.verdicts).toEqual(['ok', 'ok', poor, poor, poor, 'ok', poor, poor])
    expect(result.available).toEqual([1, 3, 0, 1, 1, 1, 1, 1])
  })

  test('test mode and live mode of an account are decided apart', async () => {
    const account = await ledger.account({ plan: 'none' })
    await ledger.grant(account, 3, { mode: 'test' })
    const [live, trial] = [await ledger.key(account), await ledger.key(account, { mode: 'test' })]
    const commands = [live, trial, live, trial].map((key) => holdCommand(key, 2))
    const poor = 'insufficient_credits'
    expect(await (await openProducer(ledger.sql)).verdicts(commands)).toEqual([
      poor,
      'ok',
      poor,
      poor,
    ])
  })
})

describe('a key’s cap within a batch', () => {
  test('follows what the key’s own commands hold, settle and free', async () => {
    const key = await keyWith(100, { monthlyCap: 10 })
    const { hold } = await ledger.hold(key, 8)
    const commands = [
      holdCommand(key, 3),
      settleCommand(hold, 4),
      holdCommand(key, 7),
      holdCommand(key, 6),
      holdCommand(key, 1),
    ]
    const cap = 'key_cap_reached'
    const result = await (await openProducer(ledger.sql)).send(commands)
    expect(result.verdicts).toEqual([cap, 'ok', cap, 'ok', cap])
    expect(result.available).toEqual([2, 96, 6, 90, 0])
  })

  test('is not touched by a sibling’s commands', async () => {
    const key = await keyWith(100, { monthlyCap: 10 })
    const sibling = await ledger.key(key.account, { monthlyCap: 5 })
    const commands = [
      holdCommand(key, 6),
      holdCommand(sibling, 5),
      holdCommand(key, 4),
      holdCommand(sibling, 1),
    ]
    const verdicts: Verdict[] = ['ok', 'ok', 'ok', 'key_cap_reached']
    expect(await (await openProducer(ledger.sql)).verdicts(commands)).toEqual(verdicts)
  })

  test('gets nothing back from a hold of the month before', async () => {
    const later = await openLedger()
    const account = await later.account({ plan: 'none' })
    await later.grant(account, 100)
    const key = await later.key(account, { monthlyCap: 10 })
    const { hold } = await later.hold(key, 9)
    await later.travelTo('2030-07-01T00:00:00Z')
    const producer = await openProducer(later.sql)
    const commands = [holdCommand(key, 10), releaseCommand(hold), holdCommand(key, 1)]
    expect(await producer.verdicts(commands)).toEqual(['ok', 'ok', 'key_cap_reached'])
    await later.close()
  })
})

describe('a batch is appended once', () => {
  test('sent again under its number it gets the same results and appends nothing', async () => {
    const key = await keyWith(10)
    const producer = await openProducer(ledger.sql)
    const commands = [
      holdCommand(key, 4),
      holdCommand(key, 7),
      countCommand(key, 2),
      holdCommand(key, 6),
    ]
    const first = await producer.send(commands)
    const size = await ledger.size()
    await ledger.advance(1_000)
    const second = await producer.send(commands, { sequence: producer.sequence })
    expect(first.outcome).toBe('appended')
    expect(second).toEqual({ ...first, outcome: 'repeated' })
    expect(await ledger.size()).toBe(size)
  })

  test('sent twice at the same time it is appended once', async () => {
    const key = await keyWith(1_000)
    const producer = await openProducer(ledger.sql)
    for (let sequence = 1; sequence <= 20; sequence++) {
      const commands = [holdCommand(key, 1), countCommand(key, 1)]
      const size = await ledger.size()
      // Two connections: the pools of two gateways.
      const other = connect({ url: ledger.url, as: 'calls', max: 1 })
      const results = await Promise.all([
        producer.send(commands, { sequence }),
        producer.send(commands, { sequence, over: other }),
        producer.send(commands, { sequence }),
      ])
      await other.end()
      expect(results.map((a) => a.outcome).sort()).toEqual(['appended', 'repeated', 'repeated'])
      expect(new Set(results.map((a) => String(a.positions))).size).toBe(1)
      expect(await ledger.size()).toBe(size + 2)
    }
  })

  test('under an earlier number, or as another one under the last number, it is superseded, and of a producer that the ledger does not know it is refused', async () => {
    const key = await keyWith(10)
    const producer = await openProducer(ledger.sql)
    await producer.send([holdCommand(key, 1)])
    await producer.send([holdCommand(key, 1)])
    const size = await ledger.size()
    for (const sequence of [1, 2]) {
      const late = await producer.send([holdCommand(key, 1)], { sequence })
      expect(late).toMatchObject({ outcome: 'superseded', verdicts: null })
    }
    expect(await ledger.sql`select divergence from heads`).toMatchObject([{ divergence: null }])
    const head = { shard: 0, producer: crypto.randomUUID(), sequence: 1, seen: producer.seen }
    const lost = await sendBatch(ledger.sql, head, [holdCommand(key, 1)])
    expect(lost).toMatchObject({ outcome: 'unknown_producer', verdicts: null })
    expect(await ledger.size()).toBe(size)
  })

  test('a batch of nothing but refusals is kept, too', async () => {
    const key = await keyWith(0)
    const producer = await openProducer(ledger.sql)
    const commands = [holdCommand(key, 1)]
    expect(await producer.verdicts(commands)).toEqual(['insufficient_credits'])
    await ledger.grant(key.account, 10)
    const again = await producer.send(commands, { sequence: producer.sequence })
    expect(again).toMatchObject({ outcome: 'repeated', verdicts: ['insufficient_credits'] })
  })
})

describe('a batch fails as a whole', () => {
  test('when its columns have different numbers of values, which belong to no command then', async () => {
    const key = await keyWith(10)
    const size = await ledger.size()
    const producer = await openProducer(ledger.sql)
    const [one, other] = [holdCommand(key, 1), holdCommand(key, 1)]
    const sent = (commands: Hold[], name: string, text: string) => {
      const column = batchColumns.findIndex((each) => each.name === name)
      const columns = packBatch(commands).with(column, text)
      return producer.send(commands, { says: { columns } }).then(() => 'taken')
    }
    const torn = 'key:a\nkey:b\nkey:c'
    await expect(sent([one, other], 'actor', torn)).rejects.toThrow('the batch is not 2 commands')
    await expect(sent([one], 'actor', torn)).rejects.toThrow('the batch is not 1 commands')
    await expect(sent([one], 'kind', 'lend')).rejects.toThrow('of known kinds')
    expect(await ledger.size()).toBe(size)
  })

  test('when a column is counted otherwise, which its readers would take for other values', async () => {
    const key = await keyWith(10)
    const producer = await openProducer(ledger.sql)
    const commands = [holdCommand(key, 1), holdCommand(key, 1)]
    const columns = packBatch(commands)
    const names = batchColumns.map(({ name, sqlType }, i) => {
      const text = (columns[i] ?? '\n').split('\n')
      const value = text.map((line) => (line === '' ? 'null' : `"${line.replaceAll('"', '\\"')}"`))
      return { name, sqlType, value }
    })
    const shapes = {
      'from 0': (v: string[]) => `[0:1]={${v}}`,
      'as a table': (v: string[]) => `{{${v.join('},{')}}}`,
    }
    for (const [column, shape] of names.flatMap(({ name }) =>
      Object.values(shapes).map((shape) => [name, shape] as const),
    )) {
      const args = names.map(({ name, sqlType, value }) => {
        const array = name === column ? shape(value) : `{${value}}`
        return `'${array.replaceAll("'", "''")}'::${sqlType}[]`
      })
      const { epoch, position, hash } = producer.seen
      const sent = ledger.sql.unsafe(
        `select outcome from append_v1(0::smallint, '${producer.producer}', 1, 'x', ${epoch}, ${position}, '${hash}', now(), 0, '{}', ${args.join(', ')})`,
      )
      await expect(sent.then(() => 'taken')).rejects.toThrow('the batch is not 2 commands')
    }
  })

  test('and a copy of it that comes late, when a part of it was sent since, says nothing of the log', async () => {
    const key = await keyWith(10)
    const producer = await openProducer(ledger.sql)
    const { hold } = await ledger.hold(key, 1)
    const good = holdCommand(key, 1)
    const batch = [good, hold]
    await expect(producer.send(batch, { sequence: 1 }).then(() => 'taken')).rejects.toThrow()
    const { seen } = producer
    expect((await producer.send([good], { sequence: 1 })).outcome).toBe('appended')
    const late = await producer.send(batch, { sequence: 1, says: { seen } })
    expect(late.outcome).toBe('superseded')
    expect(await ledger.sql`select divergence from heads`).toMatchObject([{ divergence: null }])
    expect((await producer.send([holdCommand(key, 1)], { sequence: 2 })).outcome).toBe('appended')
  })

  test('when one command is bad, and the producer goes on as if the batch had never been sent', async () => {
    const key = await keyWith(10)
    const size = await ledger.size()
    const producer = await openProducer(ledger.sql)
    for (const credits of [1.5, Number.NaN]) {
      const batch = producer.send([holdCommand(key, 1), holdCommand(key, credits)], { sequence: 1 })
      await expect(batch.then(() => 'taken')).rejects.toThrow()
    }
    expect(await ledger.size()).toBe(size)
    expect((await producer.send([holdCommand(key, 1)], { sequence: 1 })).outcome).toBe('appended')
  })

  test('when a hold has the id of another one', async () => {
    const key = await keyWith(10)
    // Later than this, its id is looked for in no index but that of its partition.
    await ledger.advance(360_000)
    const { hold } = await ledger.hold(key, 1)
    const producer = await openProducer(ledger.sql)
    await expect(producer.send([hold]).then(() => 'taken')).rejects.toThrow('_openings')
  })
})
