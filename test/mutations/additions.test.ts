/**
 * What the ledger refuses is named where it stands in a log nevertheless: a purchase by a key that was revoked, an Idempotency-Key that
 * is charged again, and changes of operator keys. Each is added as it would have to look if it had been allowed.
 */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Sql } from '../../src/ledger/connect.ts'
import { chargeOnLeaseCommand, leaseCommand } from '../support/gateway.ts'
import { changeOperatorKey, operatorSecret } from '../support/operator-keys.ts'
import { type Ledger, openLedger, type TestAccount, type TestKey } from '../support/test-ledger.ts'
import { openVandal } from '../support/vandal.ts'
import { addCopies } from './additions.ts'
import { type EventRow, readLife } from './copies.ts'
import { faultsIn } from './faults-in.ts'

let ledger: Ledger
let vandal: Sql
let account: TestAccount
let key: TestKey
beforeEach(async () => {
  ledger = await openLedger()
  vandal = await openVandal(ledger.url)
  account = await ledger.account()
  key = await ledger.key(account)
})
afterEach(async () => {
  await vandal.end()
  await ledger.close()
})

/** Another request of the same time. */
const otherId = (id: unknown) => `${String(id).slice(0, 24)}${'0'.repeat(12)}`

async function eventsOf(...types: string[]): Promise<EventRow[]> {
  return (await readLife(vandal)).filter(({ type }) => types.includes(type))
}

async function faults(): Promise<[number, string][]> {
  return (await faultsIn(ledger.url)).map(({ position, fault }) => [position, fault])
}

describe('a purchase after a revocation is named', () => {
  const refusal = 'its key or its account could not buy'

  /** With the version that its key has since it was revoked. */
  const revoked = ({ payload }: EventRow) =>
    payload.keyVersion === undefined ? payload : { ...payload, keyVersion: key.version }

  async function revoke(): Promise<void> {
    await ledger.change(key, 'KeyRevoked')
    expect(await faults()).toEqual([])
  }

  test('a call with a hold of its own', async () => {
    const { hold } = await ledger.hold(key, 4)
    await ledger.settle(hold, 4)
    const call = await eventsOf('CreditsHeld', 'HoldSettled')
    await revoke()
    const request_id = otherId(hold.requestId)
    const at = await addCopies(vandal, call, (row) => ({ request_id, payload: revoked(row) }))
    expect(await faults()).toEqual([[at, refusal]])
  })

  test('a lease', async () => {
    const lease = leaseCommand(key, 6, 2)
    await ledger.append(lease)
    const held = await eventsOf('CreditsHeld')
    await revoke()
    const request_id = otherId(lease.requestId)
    const at = await addCopies(vandal, held, (row) => ({ request_id, payload: revoked(row) }))
    expect(await faults()).toEqual([[at, refusal]])
  })

  test('a call on a lease that was taken before', async () => {
    const lease = leaseCommand(key, 6, 2)
    await ledger.append(lease)
    await ledger.append(chargeOnLeaseCommand(key, lease, 2))
    const charged = await eventsOf('HoldSettled')
    await revoke()
    const at = await addCopies(vandal, charged, (row) => ({
      request_id: otherId(row.request_id),
      payload: revoked(row),
    }))
    expect(await faults()).toEqual([[at, refusal]])
  })

  test('more for a call that was begun before', async () => {
    const { hold } = await ledger.hold(key, 4)
    await ledger.extend(key, hold, 2)
    const extended = await eventsOf('HoldExtended')
    await revoke()
    const at = await addCopies(vandal, extended, (row) => ({
      occurred_at: row.occurred_at,
      payload: revoked(row),
    }))
    expect(await faults()).toEqual([[at, refusal]])
  })
})

describe('an Idempotency-Key that is charged twice is named', () => {
  const claim = { key: 'claimed', requestHash: 'request' }

  async function chargeAgain(change: object): Promise<number> {
    const { hold } = await ledger.hold(key, 4, { claim })
    await ledger.settle(hold, 4)
    expect(await faults()).toEqual([])
    const call = await eventsOf('CreditsHeld', 'HoldSettled')
    const request_id = otherId(hold.requestId)
    return addCopies(vandal, call, ({ type, payload }) => ({
      request_id,
      payload: type === 'CreditsHeld' ? { ...payload, ...change } : payload,
    }))
  }

  test('for the same request', async () => {
    const at = await chargeAgain({})
    expect(await faults()).toEqual([[at, 'its Idempotency-Key was charged already']])
  })

  test('for another request', async () => {
    const at = await chargeAgain({ requestHash: 'another' })
    expect(await faults()).toEqual([[at, 'its Idempotency-Key is claimed for another request']])
  })

  test('while the call that has it is under way', async () => {
    const { hold } = await ledger.hold(key, 4, { claim })
    const held = await eventsOf('CreditsHeld')
    const request_id = otherId(hold.requestId)
    const at = await addCopies(vandal, held, () => ({ request_id }))
    expect(await faults()).toEqual([
      [at, 'its Idempotency-Key is claimed by a call that has not ended'],
    ])
  })
})

describe('what no operator key can have done is named', () => {
  const id = `opk_${'0'.repeat(22)}`
  const inDays = (days: number) => new Date(ledger.now.getTime() + days * 86_400_000).toISOString()
  const later = () => operatorSecret('later', inDays(9))
  const noGrace = { previousHash: null, previousUntil: null }

  /** Issues and rotates it. */
  async function rotateOne() {
    const first = operatorSecret('first', inDays(9))
    const operatorKey = { id, version: 0 }
    const issued = { name: 'Export', role: 'admin', ...first }
    await changeOperatorKey(ledger.commands, operatorKey, 'OperatorKeyIssued', issued)
    const second = { ...operatorSecret('second', inDays(9)), ...noGrace }
    await changeOperatorKey(ledger.commands, operatorKey, 'OperatorKeyRotated', second)
    expect(await faults()).toEqual([])
    return { operatorKey, rotated: await eventsOf('OperatorKeyRotated') }
  }

  async function faultsOf(events: readonly EventRow[], payload: object): Promise<string[]> {
    const at = await addCopies(vandal, events, () => ({ payload: { id, ...payload } }))
    const kept = 'no command is kept that asked for it'
    return (await faults()).flatMap(([position, fault]) =>
      position === at && fault !== kept ? [fault] : [],
    )
  }

  test('a new secret after it was revoked', async () => {
    const { operatorKey, rotated } = await rotateOne()
    await changeOperatorKey(ledger.commands, operatorKey, 'OperatorKeyRevoked')
    expect(await faultsOf(rotated, { ...later(), ...noGrace })).toEqual([
      'its operator key was revoked',
    ])
  })

  test.each([
    ['an expiry that is too late', { expiresAt: 367 }, 'it expires later than an operator key may'],
    ['a secret from before', { secret: 'first' }, 'its secret is that of a key already'],
    [
      'a grace for a secret that it did not have',
      { previous: 'other', until: 1 },
      'the previous secret is not the one that its operator key had',
    ],
    [
      'a grace beyond the expiry',
      { previous: 'second', until: 10 },
      'the previous secret works longer than it could have',
    ],
    [
      'a grace without an end',
      { previous: 'second' },
      'the previous secret has no end, or there is none that could end',
    ],
  ])('%s', async (_, { expiresAt = 9, secret = 'later', previous, until }: Forged, fault) => {
    const { rotated } = await rotateOne()
    const payload = {
      ...operatorSecret(secret, inDays(expiresAt)),
      previousHash: previous === undefined ? null : operatorSecret(previous, '').hash,
      previousUntil: until === undefined ? null : inDays(until),
    }
    expect(await faultsOf(rotated, payload)).toEqual([fault])
  })

  test('a second issue, and what is of one that was never issued', async () => {
    const { rotated } = await rotateOne()
    const issued = await eventsOf('OperatorKeyIssued')
    const again = { name: 'Export', role: 'admin', ...later() }
    expect(await faultsOf(issued, again)).toEqual(['its operator key was issued already'])
    const unknown = { ...later(), ...noGrace, id: `opk_${'1'.repeat(22)}` }
    expect(await faultsOf(rotated, unknown)).toEqual(['its operator key was not issued'])
  })
})

interface Forged {
  readonly expiresAt?: number
  readonly secret?: string
  readonly previous?: string
  readonly until?: number
}
