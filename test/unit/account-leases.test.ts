/** What the keys of an account have on lease is added up, and only keys that have something are remembered. */
import { expect, test } from 'bun:test'
import { AccountsLeases } from '../../src/gate/reservation/account-leases.ts'
import type { CreditLease } from '../../src/gate/reservation/credit-lease.ts'
import { type KeyLeases, newKeyLeases } from '../../src/gate/reservation/key-leases.ts'
import type { KeyRecord } from '../../src/ledger/read/read-key-by-hash.ts'

const size = { slots: 2, credits: 4 }
const newKey = (keyId: string) =>
  newKeyLeases({ keyId, accountId: 'a', mode: 'live' } as unknown as KeyRecord)

function take(accounts: AccountsLeases, key: KeyLeases): () => void {
  const lease = { ...size } as CreditLease
  key.unreleased.add(lease)
  accounts.add(key, size)
  return () => {
    key.unreleased.delete(lease)
    accounts.subtract(key, size)
  }
}

test('a key that has no lease any more is forgotten, though another of the account always has one', () => {
  const accounts = new AccountsLeases()
  const busy = newKey('busy')
  const releaseFirst = take(accounts, busy)
  for (let burst = 0; burst < 100; burst++) take(accounts, newKey('now and then'))()
  expect([...accounts.keysOf(busy.account)]).toEqual([busy])
  expect([...accounts.keys()]).toEqual([busy])
  const releaseSecond = take(accounts, busy)
  releaseFirst()
  expect([...accounts.keysOf(busy.account)]).toEqual([busy])
  expect(accounts.onLease(busy.account)).toEqual(expect.objectContaining(size))
  releaseSecond()
  expect([...accounts.keysOf(busy.account)]).toEqual([])
  expect(accounts.onLease(busy.account)).toEqual({ slots: 0, credits: 0 })
})

test('a key that asks for its first lease is remembered until the ledger has refused it', () => {
  const accounts = new AccountsLeases()
  const [busy, other] = [newKey('busy'), newKey('other')]
  take(accounts, busy)
  other.isRequesting = true
  accounts.add(other, size)
  expect([...accounts.keysOf(busy.account)]).toEqual([busy, other])
  other.isRequesting = false
  accounts.subtract(other, size)
  expect([...accounts.keysOf(busy.account)]).toEqual([busy])
})
