import { expect, test } from 'bun:test'
import { accountIdOf, newKeyId, newRequestId } from '../../src/lib/ids.ts'

test('request ids are UUIDv7 and sort in the order they were made', () => {
  const ids = Array.from({ length: 100 }, newRequestId)
  for (const id of ids)
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  expect(ids.toSorted()).toEqual(ids)
})

test('key ids are key_ and 22 base62 digits, and differ', () => {
  const ids = Array.from({ length: 1000 }, newKeyId)
  for (const id of ids) expect(id).toMatch(/^key_[0-9A-Za-z]{22}$/)
  expect(new Set(ids).size).toBe(1000)
})

test('the same owner always has the same account, on every gateway and in every version', () => {
  expect(accountIdOf({ kind: 'user', id: 'user-1' })).toBe('acc_Wy6XFloOPRD4twhKuSSylf')
  expect(accountIdOf({ kind: 'organisation', id: 'user-1' })).toBe('acc_N8LT2fKTbFECYt702KKbtp')
})

test('a user and an organisation of the same id are two accounts', () => {
  const ids = ['a', 'b', 'ü', ''].flatMap((id) => [
    accountIdOf({ kind: 'user', id }),
    accountIdOf({ kind: 'organisation', id }),
  ])
  expect(new Set(ids).size).toBe(8)
  for (const id of ids) expect(id).toMatch(/^acc_[0-9A-Za-z]{22}$/)
})
