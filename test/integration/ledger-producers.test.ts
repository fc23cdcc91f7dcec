/** Who may register as a producer, and under what names. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openManagementCommands } from '../../src/ledger/commands/management-commands.ts'
import { newInstanceId } from '../../src/lib/ids.ts'
import { holdCommand } from '../support/gateway.ts'
import { openProducer, register } from '../support/producer.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
let key: TestKey
beforeAll(async () => {
  ledger = await openLedger()
  key = await ledger.key(await ledger.account({ plan: 'pro' }))
})
afterAll(() => ledger.close())

const registered = async (producer: string, instance: string) =>
  (await register(ledger.sql, { producer, shard: 0, instance, mark: undefined })).outcome

const badNames = {
  'a long one': 'x'.repeat(101),
  'a long one of other text': Array.from({ length: 400 }, () => crypto.randomUUID()).join(''),
  'what JSON cannot read back': 'a\\udog',
  'a line feed': 'gw_1\n',
  'no name': '',
  'another alphabet': 'gw_é',
}

test.each(Object.entries(badNames))('a sender is not named by %s', async (_, name) => {
  const sentence = 'a sender names itself by 1 to 100 letters, digits, and _ . -'
  await expect(registered(crypto.randomUUID(), name)).rejects.toThrow(sentence)
  const { accountId } = key.account
  const grant = openManagementCommands(ledger.sql, name).grant(0, {
    ...{ accountId, mode: 'live', credits: 1, kind: 'promotional', actor: 'test' },
    startsAt: ledger.now.toISOString(),
  })
  await expect(grant).rejects.toThrow(sentence)
})

test('the names that gateways give themselves are taken, and those of their later producers', async () => {
  for (const name of [newInstanceId(), `${newInstanceId()}.1234`, 'x'.repeat(100)]) {
    expect(await registered(crypto.randomUUID(), name)).toBe('opened')
  }
})

test('the id of a producer that lives is taken, and its next batch is appended', async () => {
  const producer = await openProducer(ledger.sql, 0, 'living')
  await producer.send([holdCommand(key, 1)])
  await ledger.hold(key, 1)
  for (const name of ['living', 'another']) {
    expect(await registered(producer.producer, name)).toBe('taken')
  }
  expect((await producer.send([holdCommand(key, 1)])).outcome).toBe('appended')
})

test('a registration can be sent again, by the same gateway and before it appends', async () => {
  const id = crypto.randomUUID()
  expect(await registered(id, 'early')).toBe('opened')
  expect(await registered(id, 'another')).toBe('taken')
  expect(await registered(id, 'early')).toBe('opened')
  await ledger.owner`update producers set fenced_at = recorded_at where producer = ${id}`
  expect(await registered(id, 'early')).toBe('taken')
})
