/** A log that is not the one that a gateway has seen is found, and nothing is sold from it until its owner accepts the loss. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HighWaterMark, HighWaterMarks } from '../../src/ledger/append/high-water-marks.ts'
import { openManagementCommands } from '../../src/ledger/commands/management-commands.ts'
import { acceptLoss } from '../../src/ledger/commands/owner-commands.ts'
import { readHeads } from '../../src/ledger/read/read-heads.ts'
import { LedgerUnavailable } from '../../src/ledger/unavailable.ts'
import { holdCommand } from '../support/gateway.ts'
import { openProducer, register } from '../support/producer.ts'
import { copyDatabase } from '../support/put-back.ts'
import { startTestGateway } from '../support/running-gateway.ts'
import { openShop } from '../support/shop.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

const folder = mkdtempSync(join(tmpdir(), 'tollbook-seen-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the append', () => {
  let ledger: Ledger
  let key: TestKey
  beforeEach(async () => {
    ledger = await openLedger()
    key = await ledger.key(await ledger.account({ plan: 'pro' }))
  })
  afterEach(() => ledger.close())

  const divergence = async () => (await readHeads(ledger.sql))[0]?.divergence
  const hold = () => [holdCommand(key, 1)]

  test('takes a batch that repeats where the log ended, whatever others have written since', async () => {
    const [first, second] = [await openProducer(ledger.sql), await openProducer(ledger.sql)]
    for (const producer of [first, second, second, first, second]) {
      expect((await producer.send(hold())).outcome).toBe('appended')
    }
    expect(await divergence()).toBeNull()
  })

  test.each([
    ['another position', { position: 1 }],
    ['another event at that position', { hash: 'ab'.repeat(32) }],
    ['a later epoch', { epoch: 2 }],
  ])('refuses a batch that has seen %s', async (_, seen) => {
    const producer = await openProducer(ledger.sql)
    await producer.send(hold())
    const before = await ledger.size()
    const says = { seen: { ...producer.seen, ...seen } }
    expect((await producer.send(hold(), { says })).outcome).toBe('log_diverged')
    expect(await divergence()).toContain('by-hand has sent batch 2')
    // Nor anything of others, nor by management.
    const other = ledger.newGateway('other')
    await expect(other.append(holdCommand(key, 1))).rejects.toBeInstanceOf(LedgerUnavailable)
    expect(other.appender.fault).toBe('log_diverged')
    await expect(ledger.grant(key.account, 1)).rejects.toBeInstanceOf(LedgerUnavailable)
    expect(await ledger.size()).toBe(before)
  })

  test('refuses a number that it does not expect', async () => {
    const producer = await openProducer(ledger.sql)
    const commands = hold()
    await producer.send(commands)
    expect((await producer.send(commands, { sequence: 1 })).outcome).toBe('repeated')
    expect((await producer.send(hold(), { sequence: 3 })).outcome).toBe('log_diverged')
    await acceptLoss(ledger.owner, 0, 'a test')
    const next = await openProducer(ledger.sql)
    expect((await next.send(hold(), { sequence: 2 })).outcome).toBe('log_diverged')
  })

  test('a late copy of an earlier batch is no sign of it', async () => {
    const producer = await openProducer(ledger.sql)
    const commands = hold()
    await producer.send(commands)
    await producer.send(hold())
    expect((await producer.send(commands, { sequence: 1 })).outcome).toBe('superseded')
    expect(await divergence()).toBeNull()
  })

  test('a producer registers with what its gateway has seen, which is compared once', async () => {
    const { seen } = await openProducer(ledger.sql)
    await ledger.hold(key, 1)
    const next = await openProducer(ledger.sql, 0, 'restarted', seen)
    expect(next.seen.position).toBeGreaterThan(seen.position)
  })

  test.each([
    ['a later position', (seen: HighWaterMark) => ({ position: seen.position + 1 })],
    ['another event', () => ({ hash: '00'.repeat(32) })],
    ['a later epoch', (seen: HighWaterMark) => ({ epoch: seen.epoch + 1 })],
  ])('no producer registers that has seen %s, before the loss is accepted', async (_, more) => {
    const { seen } = await openProducer(ledger.sql)
    const mark = { ...seen, ...more(seen) }
    const registration = { producer: crypto.randomUUID(), shard: 0, instance: 'late', mark }
    expect((await register(ledger.sql, registration)).outcome).toBe('log_diverged')
    await acceptLoss(ledger.owner, 0, 'a test')
    if (mark.epoch > seen.epoch) await acceptLoss(ledger.owner, 0, 'a test')
    expect((await register(ledger.sql, registration)).outcome).toBe('opened')
  })

  test('a management command that has seen more finds it, too', async () => {
    const marks = new HighWaterMarks()
    const commands = openManagementCommands(ledger.sql, 'manager', marks)
    const { accountId } = key.account
    const grant = (credits: number) =>
      commands.grant(0, {
        ...{ accountId, mode: 'live', credits, kind: 'promotional', actor: 'test' },
        startsAt: ledger.now.toISOString(),
      })
    await grant(5)
    const seen = marks.of(0)
    expect(seen?.position).toBe(await ledger.size())
    marks.raise(0, { epoch: 1, position: (seen?.position ?? 0) + 1, hash: '' })
    await expect(grant(5)).rejects.toThrow('not the one that a gateway has seen')
    expect(await divergence()).toContain('manager has seen position')
  })

  test('once the loss is accepted, gateways go on by themselves, and a batch in flight has no known fate', async () => {
    const gateway = ledger.newGateway('patient')
    expect((await gateway.hold(key, 1)).verdict).toBe('ok')
    await acceptLoss(ledger.owner, 0, 'disk lost')
    expect((await gateway.hold(key, 1)).verdict).toBe('ok')
    const producers = await ledger.sql`
      select instance from producers where instance like 'patient%' order by instance`
    expect(producers.map(({ instance }) => instance)).toEqual(['patient', 'patient.2'])
  })
})

describe('a log that is put back', () => {
  test('under running gateways: no position is given out twice, all of them stop, and go on when the loss is accepted', async () => {
    const shop = await openShop()
    const highWaterMarkFile = join(folder, 'running.json')
    const databaseUrl = shop.ledger.url
    const start = (more = {}) =>
      startTestGateway({ databaseUrl, upstream: shop.upstream.url, ...more })
    const other = await start({ highWaterMarkFile })
    const callAt = async ({ url }: { readonly url: string }) => {
      const response = await fetch(`${url}/v1/search`, {
        method: 'POST',
        headers: { 'X-API-Key': shop.key.text, 'Content-Type': 'application/json' },
        body: JSON.stringify({ query: 'q' }),
      })
      const position = response.headers.get('x-ledger-position')
      return { status: response.status, position }
    }
    const sells = async (gateway: { readonly url: string }) =>
      (await callAt(gateway)).status === 200
    await until(() => sells(shop.gateway))
    const copy = await copyDatabase(new URL(databaseUrl).pathname.slice(1))
    await until(async () => (await sells(shop.gateway)) && (await sells(other)))
    const positions = new Set<string | null>()
    for (let i = 0; i < 5; i++) {
      for (const gateway of [shop.gateway, other]) positions.add((await callAt(gateway)).position)
    }
    await until(() => existsSync(highWaterMarkFile), 10_000)

    await copy.putBack()
    await until(async () => (await fetch(`${other.url}/ready`)).status === 503)
    const divergences = async () => {
      const heads = await readHeads(shop.ledger.sql).catch(() => [])
      return heads[0]?.divergence
    }
    await until(async () => typeof (await divergences()) === 'string')
    const after = []
    for (let i = 0; i < 5; i++) {
      for (const gateway of [shop.gateway, other]) after.push(await callAt(gateway))
    }
    expect(new Set(after.map(({ status }) => status))).toEqual(new Set([503]))
    expect(after.filter(({ position }) => positions.has(position) && position !== null)).toEqual([])

    // A restarted one does not sell either, and its evidence stays.
    await other.stop()
    const seen = readFileSync(highWaterMarkFile, 'utf8')
    const restarted = await start({ highWaterMarkFile })
    const fresh = await start()
    for (const gateway of [restarted, fresh]) {
      expect((await callAt(gateway)).status).toBe(503)
      expect((await fetch(`${gateway.url}/ready`)).status).toBe(503)
    }
    await acceptLoss(shop.ledger.owner, 0, 'put back by a test')
    for (const gateway of [shop.gateway, restarted, fresh]) await until(() => sells(gateway))
    await restarted.stop()
    expect(readFileSync(highWaterMarkFile, 'utf8')).not.toBe(seen)
    await fresh.stop()
    await shop.close()
  })
})
