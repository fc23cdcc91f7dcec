/** A hold of one call is kept alive while its client reads the response, however slowly. */
import { expect, test } from 'bun:test'
import { DedicatedHold } from '../../src/gate/reservation/dedicated-hold.ts'
import type { CallToReserve, Terms } from '../../src/gate/reservation/reservation.ts'
import type { ReserveDeps } from '../../src/gate/reservation/reserve-deps.ts'
import type { Extend, Verdict } from '../../src/ledger/append/call-commands.ts'
import { until } from '../support/until.ts'

/** A hold that lives for a second, and what the ledger is asked. */
function openHold(verdictOf: (asked: number) => Verdict) {
  const asked: Extend[] = []
  const append = async (command: Extend) => {
    asked.push(command)
    const recordedAt = new Date('2030-01-01T00:00:00Z')
    return { verdict: verdictOf(asked.length), shard: 0, position: 9, available: 0, recordedAt }
  }
  const deps = {
    config: { limits: { holdSeconds: 1 } },
    appenderOf: () => ({ append }),
    tariffs: { peek: () => undefined },
    log() {},
  } as unknown as ReserveDeps
  const call = {
    ...{ requestId: 'r', request: new Request('http://x'), startedAtMs: performance.now() },
    // A hold outlives its upstream's time by half a minute.
    route: { id: 'speech', timeoutMs: -29_500 },
  } as unknown as CallToReserve
  const terms = {
    ...{ key: { shard: 0, previousUntil: null }, price: { per: 'request', credits: 7 } },
    ...{ credits: 7, quantity: 1, tariff: 't' },
  } as unknown as Terms
  return { hold: new DedicatedHold(deps, call, terms), asked }
}

test('it is extended by nothing before its life is over, again and again, until its call is', async () => {
  const { hold, asked } = openHold(() => 'ok')
  hold.keepAlive()
  await until(() => asked.length === 3)
  expect(hold.isAlive).toBe(true)
  for (const command of asked) {
    expect(command).toMatchObject({ kind: 'extend', credits: 0, quantity: 0, holdSeconds: 1 })
  }
  expect(hold.terms).toMatchObject({ credits: 7, quantity: 1 })
  hold.end()
  await Bun.sleep(700)
  expect(asked).toHaveLength(3)
})

test('that the ledger does not extend it is told', async () => {
  const { hold } = openHold(() => 'key_revoked')
  const { promise, resolve } = Promise.withResolvers<string>()
  hold.onLost(({ code }) => resolve(code))
  hold.keepAlive()
  expect(await promise).toBe('unknown_key')
  hold.end()
})
