/**
 * Whatever is changed in a log is named by verify, even with the event's hash recomputed and every projection rebuilt from it:
 * each change is made to an account of its own, in one log that has an account for each. What no rule of the log can tell stands
 * in unseen.ts, with the reason.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eventTypes } from '../../events/event-types.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import {
  type OnlySaidByEvents,
  onlySaidByEvents,
} from '../../src/projector/verify/evidence/only-said-by-events.ts'
import { checkTables } from '../../src/projector/verify/tables/check-tables.ts'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { putShippedClock } from '../support/shipped-clock.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { openVandal } from '../support/vandal.ts'
import { type Copies, type EventRow, hashAgain, readLife, writeCopies } from './copies.ts'
import { faultsIn } from './faults-in.ts'
import { writeLife } from './life.ts'
import { type Mutation, mutationsOf } from './mutations.ts'
import { reasonOf, unseen } from './unseen.ts'

let ledger: Ledger
let vandal: Sql
let life: EventRow[]
beforeAll(async () => {
  ledger = await openLedger()
  await writeLife(ledger)
  life = await readLife(ledger.sql)
  vandal = await openVandal(ledger.url)
})
afterAll(async () => {
  await vandal?.end()
  await ledger?.close()
})

/** Every fifth change, or all of them, which takes some minutes. */
const isWhole = process.env.TOLLBOOK_ALL_MUTATIONS === '1'

/** The names of changes that went unseen. */
const missed: string[] = []

/** Copies that stay as they are: others refer to the first of them, and none may have a fault. */
const sound = 3

/** An event that is recorded later than it was makes a fault of the one after it. */
const isOfTime = ({ changes }: Mutation) => changes.recorded_at !== undefined

/** The copy for each of them, and how many copies there are. What concerns the next event has two. */
function copiesFor(mutations: readonly Mutation[]): number[] {
  const numbers = [sound]
  for (const mutation of mutations)
    numbers.push((numbers.at(-1) ?? 0) + (isOfTime(mutation) ? 2 : 1))
  return numbers
}

async function dropChecks(): Promise<void> {
  const checks = await vandal<{ name: string }[]>`
    select conname as name from pg_constraint where conrelid = 'events'::regclass and contype = 'c'`
  for (const { name } of checks) await vandal.unsafe(`alter table events drop constraint "${name}"`)
}

/** Changes an event; its hash is left to hashAgain. */
async function change({ changes }: Mutation, position: number, copies: Copies, copy: number) {
  const texts = Object.entries(changes).map(([column, value]) => `${column} = ${value}`)
  await vandal.unsafe(
    `update events set ${copies.translate(texts, copy).join(', ')} where position = ${position}`,
  )
}

test('the life has every type of event, and is sound', async () => {
  expect(new Set(life.map(({ type }) => type))).toEqual(new Set(eventTypes))
  expect(await faultsIn(ledger.url)).toEqual([])
  const verifier = await openVerifier({ url: ledger.url, maxDescribed: 10 })
  await putShippedClock(ledger.owner)
  const verification = await verifier.run()
  await verifier.close()
  // What the vandal has dropped already is named.
  expect(verification.schema.faults.map(({ fault }) => fault)).toEqual(
    Array(3).fill('it is missing'),
  )
  expect(verification.projections.filter(({ differing }) => differing > 0)).toEqual([])
  expect(verification.tables).toEqual({ faulty: 0, faults: [] })
})

test('what goes unseen is what verify says that it cannot tell', () => {
  expect(new Set(unseen.map(({ named }) => named))).toEqual(
    new Set(Object.keys(onlySaidByEvents) as OnlySaidByEvents[]),
  )
})

test('every change of an event of the ledger or of tariffs is named, or is one that the log cannot tell', async () => {
  await dropChecks()
  const others = { lot: 0, account_id: 'a', key_id: 'k', request_id: 'r', tariff: 't' }
  const isOnce = ({ position }: Mutation) => life[position - 1]?.account_id === null
  for (const { name, position, changes } of mutationsOf(life, others)
    .filter(isOnce)
    .filter((_, i) => isWhole || i % 5 === 0)) {
    const texts = Object.entries(changes).map(([column, value]) => `${column} = ${value}`)
    await vandal`create table unchanged as select * from events where position = ${position}`
    await vandal.unsafe(`update events set ${texts.join(', ')} where position = ${position}`)
    await hashAgain(vandal, [position])
    const tables = await checkTables(ledger.sql)
    const isNamed =
      (await faultsIn(ledger.url)).length > 0 || tables.some(({ table }) => table === 'producers')
    if (!isNamed) missed.push(name)
    await vandal`delete from events where position = ${position}`
    await vandal`insert into events table unchanged`
    await vandal`drop table unchanged`
  }
  expect(missed.filter((name) => reasonOf(name) === undefined)).toEqual([])
  expect(await faultsIn(ledger.url)).toEqual([])
}, 600_000)

test('every change of an event of an account is named, or is one that the log cannot tell', async () => {
  await dropChecks()
  const [granted] = life.filter(({ type }) => type === 'CreditsGranted') as [EventRow]
  const probe = { lot: 0, account_id: 'a', key_id: 'k', request_id: 'r', tariff: 't' }
  const isOfAccount = ({ position }: Mutation) => life[position - 1]?.account_id !== null
  const chosen = (mutations: readonly Mutation[]) =>
    mutations.filter(isOfAccount).filter((_, i) => isWhole || i % 5 === 0)
  const firsts = copiesFor(chosen(mutationsOf(life, probe)))
  const count = firsts.pop() as number
  const copies = await writeCopies(vandal, life, count)
  const spare = copies.translate(life.find(({ request_id }) => request_id !== null) as EventRow, 0)
  const others = {
    ...{ account_id: String(spare.account_id), key_id: String(spare.key_id) },
    ...{ request_id: String(spare.request_id), lot: copies.at(granted.position, 0) },
    tariff: String(life.find(({ type }) => type === 'TariffPublished')?.payload.hash),
  }
  const mutations = chosen(mutationsOf(life, others))
  const placed = mutations.map((mutation, i) => {
    const copy = firsts[i] as number
    return { mutation, copy, position: copies.at(mutation.position, copy) }
  })
  const positions = placed.map(({ position }) => position)
  await vandal`create table unchanged as select * from events where position = any(${positions})`
  for (const { mutation, position, copy } of placed) await change(mutation, position, copies, copy)
  const idle = await vandal<{ position: number }[]>`
    select position from events e join unchanged u using (position) where to_jsonb(e) = to_jsonb(u)`
  expect(idle.map((at) => placed.find((p) => p.position === at.position)?.mutation.name)).toEqual(
    [],
  )
  await hashAgain(vandal, positions)
  const named = new Map<number, string[]>()
  for (const { position, fault } of await faultsIn(ledger.url)) {
    const copy = copies.copyAt(position)
    if (copy === undefined) continue
    named.set(copy, [...(named.get(copy) ?? []), fault])
  }
  // Copy 0 is what others name, so it may be drawn into their faults.
  for (let copy = 1; copy < sound; copy++) expect(named.get(copy) ?? []).toEqual([])
  const missedHere = placed
    .filter(
      ({ copy, mutation }) => !named.has(copy) && !(isOfTime(mutation) && named.has(copy + 1)),
    )
    .map(({ mutation }) => mutation.name)
  missed.push(...missedHere)
  expect(missed.filter((name) => reasonOf(name) === undefined)).toEqual([])
  if (!isWhole) return
  // What is named needs no exception.
  const needless = unseen.filter(({ changes }) => !missed.some((name) => changes.test(name)))
  expect(needless).toEqual([])
}, 600_000)
