/** How many of the commands that wait become the next batch. */
import { expect, test } from 'bun:test'
import type { CallCommand } from '../../src/ledger/append/call-commands.ts'
import { takeBatch, type WaitingCommand } from '../../src/ledger/append/waiting-command.ts'

const waiting = (group = {}): WaitingCommand => ({
  ...{ command: {} as CallCommand, group, hasGivenUp: false, giveUpAtMs: 0 },
  ...{ resolve() {}, reject() {} },
})
const queueOf = (length: number) => Array.from({ length }, () => waiting())
const taken = (length: number, resolved: number) => takeBatch(queueOf(length), resolved).length

test('half of the senders have the ledger, and the others go on meanwhile', () => {
  expect(taken(128, 0)).toBe(64)
  expect(taken(64, 64)).toBe(64)
  expect(taken(200, 100)).toBe(150)
  expect(taken(300, 0)).toBe(150)
})

test('few commands are one batch, and very many are several', () => {
  expect(taken(1, 0)).toBe(1)
  expect(taken(32, 0)).toBe(32)
  expect(taken(40, 0)).toBe(32)
  expect(taken(40, 200)).toBe(40)
  expect(taken(5_000, 0)).toBe(1_000)
})

test('what is not taken stays in its order, a group is not parted, and who gave up is left out', () => {
  const group = {}
  const queue = [...queueOf(31), waiting(group), waiting(group), ...queueOf(7)]
  const [first] = queue as [WaitingCommand]
  const last = queue.slice(33)
  first.hasGivenUp = true
  expect(takeBatch(queue, 0)).toHaveLength(32)
  expect(queue).toEqual(last)
})
