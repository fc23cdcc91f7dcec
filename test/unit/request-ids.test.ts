/** A call is named when it is covered, from the ledger's time, and what the gateway does when the ledger refuses the name. */
import { expect, test } from 'bun:test'
import type { Route } from '../../src/config/config.ts'
import type { AuthorizedCall } from '../../src/gate/authorize/authorize.ts'
import type { CreditLease } from '../../src/gate/reservation/credit-lease.ts'
import type { CountedCall } from '../../src/gate/reservation/lease-manager.ts'
import { LeaseSlot } from '../../src/gate/reservation/lease-slot.ts'
import type { Terms } from '../../src/gate/reservation/reservation.ts'
import { reserve } from '../../src/gate/reservation/reserve.ts'
import type { ReserveDeps } from '../../src/gate/reservation/reserve-deps.ts'
import type { AppendResult, CallCommand, Verdict } from '../../src/ledger/append/call-commands.ts'
import { LedgerUnavailable } from '../../src/ledger/unavailable.ts'
import { testConfig } from '../support/test-config.ts'

const config = testConfig({}, 'http://127.0.0.1:1')
const route = config.routes.search as Route
const key = {
  ...{ accountId: 'a', keyId: 'k', mode: 'live', shard: 0, tariff: 't', monthlyCap: 5 },
}
const authorized = {
  ...{ key, price: route.price, keyHash: 'h', tariff: {} },
} as unknown as AuthorizedCall
const result: AppendResult = {
  ...{ verdict: 'ok', shard: 0, position: 1, available: 9, recordedAt: new Date(0), sentAtMs: 0 },
}

/** Reserves a call at a ledger that gives these verdicts, one after another. */
function ledgerSaying(...verdicts: Verdict[]) {
  const appended: (CallCommand & { requestId: string })[] = []
  const appender = {
    ledgerNowMs: Date.UTC(2033, 4, 5) + 0.25,
    append: async (command: CallCommand & { requestId: string }) => {
      appended.push(command)
      return { ...result, verdict: verdicts.shift() ?? 'ok' }
    },
  }
  const deps = { config, appenderOf: () => appender } as unknown as ReserveDeps
  const call = {
    ...{ request: new Request('http://gateway.test/v1/search'), requestId: 'before', route },
    ...{ startedAtMs: performance.now(), claim: undefined, content: {} },
  }
  return { appended, appender, deps, call }
}

const timeOf = (id: string) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)

test('the id of a call is made of the ledger’s time when it is covered', async () => {
  const { appended, deps, call } = ledgerSaying('ok')
  expect((await reserve(deps, authorized, call)).ok).toBe(true)
  expect(timeOf(call.requestId)).toBe(Date.UTC(2033, 4, 5))
  expect(appended).toMatchObject([{ kind: 'hold', requestId: call.requestId }])
})

test('a hold that is out of time is taken once more under another id', async () => {
  const { appended, appender, deps, call } = ledgerSaying('request_out_of_time', 'ok')
  const append = appender.append
  appender.append = (command) => {
    appender.ledgerNowMs = Date.UTC(2033, 4, 6)
    return append(command)
  }
  expect((await reserve(deps, authorized, call)).ok).toBe(true)
  expect(appended.map(({ requestId }) => timeOf(requestId))).toEqual([
    Date.UTC(2033, 4, 5),
    Date.UTC(2033, 4, 6),
  ])
  expect(appended[1]?.requestId).toBe(call.requestId)
})

test('a hold that is out of time again, and one whose id is taken, are refused with 503', async () => {
  for (const verdicts of [
    ['request_out_of_time', 'request_out_of_time', 'ok'],
    ['duplicate_request', 'ok'],
  ] as Verdict[][]) {
    const { deps, call } = ledgerSaying(...verdicts)
    expect(await reserve(deps, authorized, call)).toMatchObject({
      ok: false,
      refusal: { code: 'ledger_unavailable' },
    })
  }
})

test('of a call on a lease whose id is taken nobody knows whether it is charged, and it is not voided', async () => {
  const { appended, deps, call } = ledgerSaying('duplicate_request')
  const terms = { key, price: route.price, tariff: 't', credits: 1, quantity: 1, result } as Terms
  const slot = new LeaseSlot(deps, call, terms, {} as CountedCall, { id: 'l' } as CreditLease)
  const charged = await slot.charge({ credits: 1, quantity: 1, status: 200 }).catch((e) => e)
  expect(charged).toBeInstanceOf(LedgerUnavailable)
  expect(charged).toMatchObject({ mayBeWritten: true })
  expect(await slot.void('not_successful')).toBeUndefined()
  expect(appended).toHaveLength(1)
})

test('a call that ran for minutes on a lease takes its own hold under an id of that time', async () => {
  const { appended, deps, call } = ledgerSaying('ok')
  const terms = { key, price: route.price, tariff: 't', credits: 1, quantity: 1, result } as Terms
  const tariffs = { peek: () => ({}) }
  const leases = { returnSlot() {} }
  const more = { ...deps, tariffs, leases } as unknown as ReserveDeps
  for (const { ranMs, isRenamed } of [
    { ranMs: 200_000, isRenamed: false },
    { ranMs: 250_000, isRenamed: true },
  ]) {
    const old = { ...call, startedAtMs: performance.now() - ranMs }
    const slot = new LeaseSlot(more, old, terms, {} as CountedCall, { id: 'l' } as CreditLease)
    expect((await slot.convertToDedicatedHold()).ok).toBe(true)
    expect(old.requestId !== 'before').toBe(isRenamed)
    expect(appended.pop()?.requestId).toBe(old.requestId)
  }
})
