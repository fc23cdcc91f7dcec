/** A producer that falls silent is fenced, by one that was not, and then it is known what it had delivered. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { fenceProducers } from '../../src/ledger/append/fence-producers.ts'
import { lookUpCharge } from '../../src/reports/charge/charge-lookup.ts'
import { fenceSilent, passSteadily } from '../support/fencing.ts'
import {
  chargeOnLeaseCommand,
  holdCommand,
  leaseCommand,
  settleCommand,
} from '../support/gateway.ts'
import { openProducer, type Producer } from '../support/producer.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
let key: TestKey
beforeAll(async () => {
  ledger = await openLedger()
  key = await ledger.key(await ledger.account({ plan: 'pro' }))
})
afterAll(() => ledger.close())

let steady: Producer
let silent: Producer
let instance: string
let names = 0
beforeEach(async () => {
  // What earlier tests left is fenced, and fences and is fenced no more.
  await ledger.owner`update producers set fenced_at = recorded_at where fenced_at is null`
  instance = `silent-${++names}`
  steady = await openProducer(ledger.sql, 0, `steady-${names}`)
  silent = await openProducer(ledger.sql, 0, instance)
})

const fence = (by: Producer, afterSeconds = 60) =>
  fenceProducers(ledger.sql, 0, by.producer, afterSeconds)

const fencesOf = async (name: string): Promise<object[]> => [
  ...(await ledger.sql`
    select payload, instance from events
    where type = 'ProducerFenced' and payload ->> 'instance' = ${name}`),
]

/** A call that the producer charged: its id and the position of the charge. */
async function chargedBy(producer: Producer, more: Parameters<typeof settleCommand>[2] = {}) {
  const hold = holdCommand(key, 3)
  expect(await producer.verdicts([hold])).toEqual(['ok'])
  const { positions, verdicts } = await producer.send([settleCommand(hold, 3, more)])
  expect(verdicts).toEqual(['ok'])
  return { requestId: hold.requestId, position: positions?.[0] as number }
}

const deliveryOf = async (requestId: string) =>
  (await lookUpCharge(ledger.sql, requestId))?.delivery

const refundUndelivered = (requestId: string) =>
  ledger.commands.refund(0, {
    ...{ requestId, externalId: `undelivered:${requestId}`, actor: 'test' },
  })

describe('a producer is fenced', () => {
  test('after a minute of silence, by one that appended all the while', async () => {
    await passSteadily(ledger, 60, [steady])
    expect(await fence(steady)).toBe(0)
    await passSteadily(ledger, 1, [steady])
    expect(await fence(steady)).toBe(1)
    expect(await fencesOf(instance)).toEqual([
      { payload: { deliveredUpTo: 0, instance }, instance: `steady-${names}` },
    ])
    expect((await silent.send([holdCommand(key, 1)])).outcome).toBe('fenced')
    expect((await silent.send([], { sequence: 1 })).outcome).toBe('fenced')
    // Once.
    expect(await fence(steady)).toBe(0)
  })

  test('once, by however many at the same time', async () => {
    const other = await openProducer(ledger.sql, 0, 'other')
    await passSteadily(ledger, 61, [steady, other])
    const fenced = await Promise.all([steady, other, steady, other].map((by) => fence(by)))
    expect(fenced.sort()).toEqual([0, 0, 0, 1])
    expect(await fencesOf(instance)).toHaveLength(1)
  })

  test('not while it appends, however rarely', async () => {
    for (let minute = 0; minute < 3; minute++) {
      await passSteadily(ledger, 59, [steady])
      await silent.send([])
      expect(await fence(steady)).toBe(0)
    }
  })

  test('not before a response has had the time to leave, whatever the configuration says', async () => {
    await passSteadily(ledger, 10, [steady])
    expect(await fence(steady, 0)).toBe(0)
    await passSteadily(ledger, 1, [steady])
    expect(await fence(steady, 0)).toBe(1)
  })

  test('not by a repeated batch of another, which says nothing of the present', async () => {
    await passSteadily(ledger, 57, [steady])
    await ledger.advance(4_000)
    const { sequence } = steady
    expect((await steady.send([], { sequence })).outcome).toBe('repeated')
    expect(await fence(steady)).toBe(0)
  })
})

test('a producer that cannot be fenced keeps no other from it', async () => {
  // No event can have such a name. A row with one was left by an earlier version.
  const name = Array.from({ length: 400 }, () => crypto.randomUUID()).join('')
  const left = await openProducer(ledger.sql, 0, 'left')
  await ledger.owner`update producers set instance = ${name} where producer = ${left.producer}`
  await passSteadily(ledger, 61, [steady])
  expect(await fence(steady)).toBe(1)
  expect(await fencesOf(instance)).toHaveLength(1)
  const open = await ledger.sql<{ producer: string }[]>`
    select producer from producers where fenced_at is null`
  expect(open.map(({ producer }) => producer).sort()).toEqual(
    [left.producer, steady.producer].sort(),
  )
  await ledger.owner`delete from producers where producer = ${left.producer}`
})

describe('nobody is fenced', () => {
  test('by a producer that was silent as well: it is the ledger that was away', async () => {
    await ledger.advance(61_000)
    expect(await fence(steady)).toBe(0)
    await steady.send([])
    expect(await fence(steady)).toBe(0)
    // The other one comes back a little later.
    await passSteadily(ledger, 57, [steady])
    await silent.send([])
    await passSteadily(ledger, 3, [steady])
    expect(await fence(steady)).toBe(0)
  })

  test('by a producer that paused in between', async () => {
    await passSteadily(ledger, 30, [steady])
    await ledger.advance(4_000)
    await passSteadily(ledger, 60, [steady])
    expect(await fence(steady)).toBe(0)
    await passSteadily(ledger, 3, [steady])
    expect(await fence(steady)).toBe(1)
  })

  test('by a producer that is fenced itself, unknown, or new', async () => {
    await passSteadily(ledger, 61, [steady])
    const young = await openProducer(ledger.sql, 0, 'young')
    expect(await fence(young)).toBe(0)
    expect(await fenceProducers(ledger.sql, 0, crypto.randomUUID(), 60)).toBe(0)
    await ledger.owner`update producers set fenced_at = recorded_at where producer = ${steady.producer}`
    expect(await fence(steady)).toBe(0)
    expect(await fencesOf(instance)).toEqual([])
  })

  test('while the log is not the one that a gateway has seen', async () => {
    await passSteadily(ledger, 61, [steady])
    await ledger.owner`update heads set divergence = 'as a test says'`
    expect(await fence(steady)).toBe(0)
    await ledger.owner`update heads set divergence = null`
    expect(await fence(steady)).toBe(1)
  })
})

describe('delivery', () => {
  test('is pending until it is reported or the producer is fenced, and then sent or unknown', async () => {
    const first = await chargedBy(silent)
    const second = await chargedBy(silent)
    const withheld = await chargedBy(silent)
    const stream = await chargedBy(silent, { alreadyDelivered: true })
    const left = await chargedBy(silent, { terminatedBy: 'client', alreadyDelivered: true })
    const all = [first, second, withheld, stream, left]
    const deliveries = () => Promise.all(all.map(({ requestId }) => deliveryOf(requestId)))
    expect(await deliveries()).toEqual(['pending', 'pending', 'pending', 'sent', 'cut'])

    const says = { delivered: first.position, withheld: [withheld.position] }
    await silent.send([], { says })
    // Another gateway's word of it counts for nothing.
    await steady.send([], { says: { withheld: [second.position] } })
    expect(await deliveries()).toEqual(['sent', 'pending', 'unknown', 'sent', 'cut'])
    await passSteadily(ledger, 61, [steady])
    expect(await deliveries()).toEqual(['sent', 'pending', 'unknown', 'sent', 'cut'])
    await fence(steady)
    const final = ['sent', 'unknown', 'unknown', 'sent', 'cut'] as const
    expect(await deliveries()).toEqual([...final])

    // The producer is forgotten a week later, and the log still says it.
    await ledger.advance(8 * 86_400_000)
    await openProducer(ledger.sql, 0, 'a-week-later')
    expect(await ledger.sql`select from producers where instance = ${instance}`).toHaveLength(0)
    expect(await deliveries()).toEqual([...final])
    expect(await fencesOf(instance)).toMatchObject([{ payload: { deliveredUpTo: first.position } }])
  })

  test('of a charge on a lease is known the same way', async () => {
    const lease = leaseCommand(key, 10, 5)
    const charge = chargeOnLeaseCommand(key, lease, 2)
    expect(await silent.verdicts([lease])).toEqual(['ok'])
    expect(await silent.verdicts([charge])).toEqual(['ok'])
    expect(await deliveryOf(charge.requestId)).toBe('pending')
    await passSteadily(ledger, 61, [steady])
    await fence(steady)
    expect(await deliveryOf(charge.requestId)).toBe('unknown')
  })

  test('is what the ledger refunds by, whatever anybody read before', async () => {
    const charge = await chargedBy(silent)
    const delivered = await chargedBy(steady, { alreadyDelivered: true })
    expect((await refundUndelivered(charge.requestId)).verdict).toBe('delivery_pending')
    expect((await refundUndelivered(delivered.requestId)).verdict).toBe('delivery_not_unknown')
    await passSteadily(ledger, 61, [steady])
    expect((await refundUndelivered(charge.requestId)).verdict).toBe('delivery_pending')
    await fence(steady)
    const first = await refundUndelivered(charge.requestId)
    expect(first).toMatchObject({ verdict: 'ok', credits: 3 })
    expect(await refundUndelivered(charge.requestId)).toMatchObject({
      positions: first.positions,
      repeated: true,
    })
    expect((await refundUndelivered(delivered.requestId)).verdict).toBe('delivery_not_unknown')
    // Any charge can be refunded for another reason.
    const { requestId } = delivered
    expect((await ledger.commands.refund(0, { requestId, actor: 'test' })).verdict).toBe('ok')
  })

  test('of a log whose producers are not known any more is nothing that is refunded', async () => {
    const charge = await chargedBy(silent)
    await ledger.owner`delete from producers where instance = ${instance}`
    expect(await deliveryOf(charge.requestId)).toBeUndefined()
    expect((await refundUndelivered(charge.requestId)).verdict).toBe('delivery_not_unknown')
  })
})

test('a gateway that is fenced goes on under another name, and its holds stand', async () => {
  const gateway = ledger.newGateway('gw_slow')
  const { hold } = await gateway.hold(key, 5)
  expect(await fenceSilent(ledger)).toBeGreaterThan(0)
  expect((await gateway.settle(hold, 5)).verdict).toBe('ok')
  const instances = await ledger.sql<{ instance: string }[]>`
    select instance from events where request_id = ${hold.requestId} order by position`
  expect(instances[0]?.instance).toBe('gw_slow')
  expect(instances[1]?.instance).not.toBe('gw_slow')
  expect(await deliveryOf(hold.requestId)).toBe('pending')
})
