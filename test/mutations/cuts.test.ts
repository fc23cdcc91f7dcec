/**
 * An event that is cut out of the log is missed, even with all that comes after it numbered, named and hashed anew: each is cut out of an
 * account of its own, in one log that has an account for each. What nothing in the log misses stands in `unmissed`, with the reason.
 */
import { afterEach, expect, test } from 'bun:test'
import type { Sql } from '../../src/ledger/connect.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { openVandal } from '../support/vandal.ts'
import { type EventRow, readLife, writeCopies } from './copies.ts'
import { cutOut } from './cuts.ts'
import { faultsIn } from './faults-in.ts'
import { writeLife } from './life.ts'
import { variantOf } from './mutations.ts'

/** Events by their variants, and why the log cannot miss them. A backup, or the mark of a gateway that saw a later one, tells. */
const unmissed: readonly (readonly [RegExp, string])[] = [
  [
    /^HoldSettled( with a shortfall)?$/,
    'Its hold is then one that no gateway has ended yet: it stays open, and its credits held.',
  ],
  [/^HoldReleased on a lease$/, 'A call that was not charged leaves nothing else in the log.'],
  [/^Calls(Counted|Refused)$/, 'Calls that are only counted leave nothing else in the log.'],
  [/^UsageImported$/, 'It is what another service said.'],
  [
    /^(KeyImported|KeyUpdated|KeyLimitsChanged|KeyRotated|KeyEnabled|AccountLimitsChanged|AccountUnfrozen|AccountDescribed|AccountNoted)$/,
    'Nothing that it decided came after it. Where something did, it is missed: see the test below.',
  ],
  [/^KeyRevoked$/, 'Nothing is bought after it, and nothing comes of it.'],
  [
    /^AccountErased$/,
    'The table of secrets tells: the account has none any more (tables.test.ts).',
  ],
]

const reasonOf = (name: string) => unmissed.find(([variants]) => variants.test(name))?.[1]

let ledger: Ledger
let vandal: Sql
let life: EventRow[]
afterEach(async () => {
  await vandal?.end()
  await ledger?.close()
})

/** Copies that stay as they are. */
const sound = 2

/** The variants of those events of which each is cut out of a copy of its own, unseen. */
async function unseenCuts(cutable: readonly EventRow[]): Promise<string[]> {
  const copies = await writeCopies(vandal, life, sound + cutable.length)
  expect(await faultsIn(ledger.url)).toEqual([])
  const cuts = cutable.map((row, i) => ({ row, copy: sound + i }))
  const cut = new Set(cuts.map(({ row, copy }) => copies.at(row.position, copy)))
  const at = await cutOut(vandal, cut)
  const copyAt = new Map<number, number>()
  for (const { position } of life) {
    for (let copy = 0; copy < sound + cutable.length; copy++) {
      const before = copies.at(position, copy)
      if (!cut.has(before)) copyAt.set(at(before), copy)
    }
  }
  const missed = new Set((await faultsIn(ledger.url)).map(({ position }) => copyAt.get(position)))
  for (let copy = 0; copy < sound; copy++) expect(missed).not.toContain(copy)
  return cuts.filter(({ copy }) => !missed.has(copy)).map(({ row }) => variantOf(row))
}

async function openLife(write: (ledger: Ledger) => Promise<unknown>): Promise<void> {
  ledger = await openLedger()
  await write(ledger)
  life = await readLife(ledger.sql)
  vandal = await openVandal(ledger.url)
}

test('an event that was cut out is missed, or is one that nothing in the log misses', async () => {
  await openLife(writeLife)
  const unseen = await unseenCuts(life.filter(({ account_id }) => account_id !== null))
  expect(unseen.filter((name) => reasonOf(name) === undefined)).toEqual([])
  const needless = unmissed.filter(([variants]) => !unseen.some((name) => variants.test(name)))
  expect(needless).toEqual([])
}, 600_000)

test('what decided that something could be bought is missed', async () => {
  await openLife(writeDeciding)
  const deciding = [
    'KeyEnabled',
    'KeyUpdated',
    'KeyLimitsChanged',
    'AccountLimitsChanged',
    'AccountUnfrozen',
  ]
  const unseen = await unseenCuts(
    life.filter(({ type }) => deciding.includes(type)).filter(isLastOfType),
  )
  expect(unseen).toEqual([])
}, 600_000)

function isLastOfType({ type, position }: EventRow): boolean {
  return life.findLast((row) => row.type === type)?.position === position
}

/** What forbids a call is taken back, and the call is made. */
async function writeDeciding(ledger: Ledger): Promise<void> {
  const account = await ledger.account()
  const key = await ledger.key(account)
  const inDays = (days: number) => new Date(ledger.now.getTime() + days * 86_400_000).toISOString()
  await ledger.change(account, 'AccountFrozen')
  await ledger.change(account, 'AccountUnfrozen')
  await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 1 })
  await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 2 })
  await ledger.change(key, 'KeyLimitsChanged', { monthlyCap: 5 })
  await ledger.change(key, 'KeyLimitsChanged', { monthlyCap: 50 })
  await ledger.change(key, 'KeyUpdated', { expiresAt: inDays(1) })
  await ledger.change(key, 'KeyUpdated', { expiresAt: inDays(9) })
  await ledger.change(key, 'KeyDisabled')
  await ledger.change(key, 'KeyEnabled')
  await ledger.advance(2 * 86_400_000)
  const first = await ledger.hold(key, 4)
  const second = await ledger.hold(key, 4)
  await ledger.settle(first.hold, 4)
  await ledger.settle(second.hold, 4)
}
