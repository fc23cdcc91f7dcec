/** The responses of /ready and /health. */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { openReadiness, type ReadinessDeps } from '../../src/http/routes/system/readiness.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { takeAway } from '../support/outage.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { openLedger } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { addressAt } from '../support/upstream-address.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop()
})
afterAll(() => shop.close())

async function ready() {
  const response = await shop.fetch('/ready', { key: null })
  return { status: response.status, body: await response.json(), headers: response.headers }
}

test('a gateway that lacks nothing is ready', async () => {
  const { status, body, headers } = await ready()
  expect({ status, body }).toEqual({ status: 200, body: { status: 'ready' } })
  expect(headers.get('cache-control')).toBe('no-store')
})

test('a gateway without its ledger is alive and not ready, and becomes ready by itself', async () => {
  const giveBack = await takeAway(shop.ledger.url)
  try {
    await until(async () => (await ready()).status === 503)
    const { body, headers } = await ready()
    expect(body).toEqual({
      status: 'not ready',
      missing: { ledger: 'the ledger cannot be reached' },
    })
    expect(headers.get('retry-after')).toBe('5')
    expect((await shop.fetch('/health', { key: null })).status).toBe(200)
  } finally {
    await giveBack()
  }
  await until(async () => (await ready()).status === 200)
})

const byCalls = (sql: Sql) => [{ sql, role: 'calls' as const }]

describe('it names what is missing', () => {
  const whole: Omit<ReadinessDeps, 'ledgers'> = {
    rateLimiter: { degraded: false },
    services: new Set(['search']),
    addresses: { search: { live: addressAt('http://127.0.0.1:9') } },
    isStopping: () => false,
    ledgerFault: () => undefined,
    warn: () => {},
  }
  const ask = (deps: Partial<ReadinessDeps> = {}) =>
    openReadiness({ ...whole, ledgers: byCalls(shop.ledger.calls), ...deps })()

  test('nothing', async () => {
    expect(await ask()).toEqual({ missing: {}, degraded: {} })
  })

  test('the role of calls', async () => {
    expect((await ask({ ledgers: byCalls(shop.ledger.owner) })).missing).toEqual({
      ledger: 'the connection does not have the role tollbook_calls',
    })
  })

  test.each([
    ['a migration', 'update migrations set id = -id', 'update migrations set id = -id'],
    [
      "a projection's version",
      'update projection_checkpoints set version = version - 1',
      'update projection_checkpoints set version = version + 1',
    ],
    [
      'a function',
      'alter function find_key_v1 rename to other',
      'alter function other rename to find_key_v1',
    ],
  ])('%s', async (_, spoil, mend) => {
    await shop.ledger.owner.unsafe(spoil)
    const { missing } = await ask()
    await shop.ledger.owner.unsafe(mend)
    expect(missing).toEqual({
      ledger: 'the database is not set up for this version: run "tollbook migrate"',
    })
    expect((await ask()).missing).toEqual({})
  })

  test('not a ledger of a later version', async () => {
    await shop.ledger.owner`insert into migrations (id, name) values (999999, 'later')`
    expect((await ask()).missing).toEqual({})
    await shop.ledger.owner`delete from migrations where id = 999999`
  })

  test('the tariff', async () => {
    const empty = await openLedger({ tariff: null })
    try {
      expect((await ask({ ledgers: byCalls(empty.calls) })).missing).toEqual({
        tariff: expect.stringContaining('no tariff is in force'),
      })
    } finally {
      await empty.close()
    }
  })

  test('the address of an upstream', async () => {
    const services = new Set(['search', 'stt'])
    expect((await ask({ services })).missing).toEqual({ upstreams: 'no address for stt' })
  })

  test('the gateway itself, when it stops', async () => {
    expect((await ask({ isStopping: () => true })).missing).toEqual({
      gateway: 'the gateway is stopping',
    })
  })

  test('degraded rate limits, which do not keep it from serving', async () => {
    expect(await ask({ rateLimiter: { degraded: true } })).toEqual({
      missing: {},
      degraded: { rateLimits: expect.any(String) },
    })
  })
})
