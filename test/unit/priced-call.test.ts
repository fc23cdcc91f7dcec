/** Whatever goes wrong inside the gateway, a hold does not stay open for it. */
import { expect, test } from 'bun:test'
import type { Held, SeenWindow } from '../../src/gate/gate.ts'
import type { Appender } from '../../src/ledger/append/appender.ts'
import type { AppendResult, CallCommand } from '../../src/ledger/append/call-commands.ts'
import { type PricedCallDeps, pricedCall } from '../../src/proxy/delivery/priced-call.ts'
import { testConfig } from '../support/test-config.ts'

const config = testConfig({}, 'http://127.0.0.1:1')
const route = config.routes.search
if (!route) throw new Error('the shipped configuration has no search')

const answer: AppendResult = {
  ...{ verdict: 'ok', shard: 0, position: 1, available: 9, recordedAt: new Date(0) },
}
const held = {
  ...{ key: { accountId: 'a', keyId: 'k', mode: 'live' }, price: route.price },
  ...{ tariff: 't', credits: 1, quantity: 1, answer },
} as Held
const window: SeenWindow = {
  ...{ limit: 1, remaining: 0, windowMs: 1, resetMs: 0, degraded: false },
}
const call = {
  ...{ request: new Request('http://gateway.test/v1/search'), requestId: 'r', route },
  ...{ startedAtMs: 0, upstreamMs: 0 },
}

function run(send: PricedCallDeps['send']) {
  const appended: CallCommand[] = []
  const append = async (item: CallCommand) => {
    appended.push(item)
    return answer
  }
  const log = () => {}
  const extend = () => Promise.reject(new Error('nothing is metered here'))
  const takeDedicatedHold = extend
  const deps = { config, appender: { append } as Appender, extend, takeDedicatedHold, send, log }
  const outcome = pricedCall(call, held, { bytes: new Uint8Array(), facts: {} }, window, {
    ...{ ...deps, settled: undefined, isCutOff: () => false },
    storedResponses: { store: fail, read: fail, replayed: fail },
  })
  return { appended, outcome }
}

test('a failure of the gateway itself releases the hold', async () => {
  const { appended, outcome } = run(() => Promise.reject(new Error('a fault of ours')))
  await expect(outcome).rejects.toThrow('a fault of ours')
  expect(appended).toMatchObject([{ kind: 'release', reason: 'gateway_failed', requestId: 'r' }])
})

test('an answer whose head cannot be made is not charged', async () => {
  const response = Response.json({})
  Object.defineProperty(response, 'headers', {
    value: { has: () => false, get: () => null, forEach: fail },
  })
  const { appended, outcome } = run(async () => ({ ok: true, response }))
  await outcome.catch(() => {})
  expect(appended.map(({ kind }) => kind)).toEqual(['release'])
})

function fail(): never {
  throw new TypeError('no such header')
}
