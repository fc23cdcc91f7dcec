/**
 * Verifying looks closely only at the calls and lots of a range that could be wrong. What it finds in damaged logs is
 * compared with what the rules say when they are followed event by event.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { seedLog } from '../../bench/seed-log.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { creditRules } from '../../src/projector/verify/credit-rules.ts'
import { openLogCheck } from '../../src/projector/verify/log-check.ts'
import { type Random, seeded } from '../faults/random.ts'
import { type LogEvent, readLog } from '../support/log.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { openVandal } from '../support/vandal.ts'

const events = 3_000
const damagedLogs = 30
let database: TestDatabase
let vandal: Sql
beforeAll(async () => {
  database = await createDatabase()
  await seedLog(database.url, { events, keys: 150, seed: 5, until: Date.UTC(2026, 10, 26, 12) })
  vandal = await openVandal(database.url)
  await runSomeOnLeases()
  await vandal`create table saved as table events`
})
afterAll(async () => {
  await vandal?.end()
  await database?.drop()
})

afterEach(restore)

test('a sound log has no faults, in whatever ranges it is read', async () => {
  expect(await found([events])).toEqual({})
  expect(await found([1, 2, 500, 501, 2_200, events])).toEqual({})
})

/** Where the first of two ranges ends. */
const half = events / 2

/** A call of the second half, held and charged by two events on a lot of the first half, and the whole log. */
interface Damaged {
  readonly hold: LogEvent
  readonly end: LogEvent
  readonly log: readonly LogEvent[]
  change(event: LogEvent | undefined, to: string): Promise<unknown>
}

const last = (log: readonly LogEvent[], type: string) =>
  log.findLast((event) => event.type === type)

/** A lot of the first half on which nothing of the second draws. */
function quiet(log: readonly LogEvent[]): number | undefined {
  const later = log.slice(half).flatMap(({ lots }) => lots ?? [])
  return log.find(({ type, position }) => type === 'CreditsGranted' && !later.includes(position))
    ?.position
}

test.each<[string, (damaged: Damaged) => Promise<unknown>]>([
  [
    'the end of a call names another lot',
    ({ end, log, change }) =>
      change(end, `lots = array[${log.find(({ type }) => type === 'CreditsGranted')?.position}]`),
  ],
  [
    'a call has two amounts and no lot',
    async ({ hold, end, change }) => {
      await change(
        end,
        `type = 'HoldReleased', moved = null, lots = null, held = held || 1::bigint`,
      )
      await change(hold, 'lots = null, held = held || 0::bigint')
    },
  ],
  [
    'a call draws on no lot at all',
    async ({ hold, end, change }) => {
      await change(end, `lots = '{}'`)
      await change(hold, `lots = '{}'`)
    },
  ],
  [
    'a call holds of no lot what it frees of one',
    async ({ hold, end, change }) => {
      await change(end, 'held = array[-1000000]')
      await change(hold, 'held = array[1000000], lots = null')
    },
  ],
  [
    'counted calls free what a call holds',
    ({ log, change }) => {
      const heldOf = (lot: number | undefined) =>
        sum(log.filter(({ lots }) => lots?.[0] === lot).map(({ held }) => held?.[0] ?? 0))
      const [holding, counted] = log
        .map((event, i) => [event, log[i + 1]] as const)
        .findLast(
          ([{ type, position, lots }, next]) =>
            type === 'CreditsHeld' &&
            next?.type === 'CallsCounted' &&
            position > half &&
            (lots?.[0] ?? half) < half &&
            heldOf(lots?.[0]) === 0,
        ) as [LogEvent, LogEvent]
      return change(counted, `held = array[-1], lots = array[${holding.lots}]`)
    },
  ],
  [
    'counted calls draw on a lot that is none',
    ({ log, change }) => change(last(log, 'CallsCounted'), 'lots = array[1], held = array[0]'),
  ],
  [
    'a call is extended after its end',
    async ({ log, change }) => {
      const extension = last(log, 'HoldExtended')
      const end = log.find(
        ({ type, request_id }) => type === 'HoldSettled' && request_id === extension?.request_id,
      )
      const elsewhere = events + 1
      await change(end, `position = ${elsewhere}`)
      await change(extension, `position = ${end?.position}`)
      await change(end && { ...end, position: elsewhere }, `position = ${extension?.position}`)
    },
  ],
  [
    'a call begins and ends within the range, and was open before it',
    async ({ hold, end, log, change }) => {
      const open = log.find(
        ({ type, position, request_id }) =>
          type === 'CreditsHeld' &&
          !log.some((e) => e.request_id === request_id && e.position !== position),
      )
      await change(hold, `request_id = '${open?.request_id}'`)
      await change(end, `request_id = '${open?.request_id}'`)
    },
  ],
  [
    'a hold takes less than nothing, and an extension the rest',
    async ({ log, change }) => {
      const extension = last(log, 'HoldExtended')
      const [hold, ...others] = log.filter(({ request_id }) => request_id === extension?.request_id)
      const all = (hold?.held?.[0] ?? 0) + (extension?.held?.[0] ?? 0)
      for (const each of others) await change(each, `lots = array[${quiet(log)}]`)
      await change(hold, `held = array[-1], lots = array[${quiet(log)}]`)
      await change(extension, `held = array[${1 + all}]`)
    },
  ],
  [
    'a hold takes more than can be added up',
    async ({ log, change }) => {
      const extension = last(log, 'HoldExtended')
      const hold = log.find(({ request_id }) => request_id === extension?.request_id)
      await change(hold, 'held = array[9223372036854775807]')
    },
  ],
])('%s: found, though nothing else is wrong', async (_, damage) => {
  const log = await readLog(vandal)
  const calls = Map.groupBy(log, ({ request_id }) => request_id)
  const [hold, end] = [...calls.values()].find(
    ([first, second, ...others]) =>
      (first?.position ?? 0) > half &&
      (first?.lots?.[0] ?? 0) > 300 &&
      (first?.lots?.[0] ?? 0) < half &&
      second?.type === 'HoldSettled' &&
      others.length === 0,
  ) as [LogEvent, LogEvent]
  await damage({
    ...{ hold, end, log },
    change: (event, to) => {
      if (!event) throw new Error('the log has no such event')
      return vandal.unsafe(`update events set ${to} where position = ${event.position}`)
    },
  })
  const expected = followed(await readLog(vandal))
  expect(Object.keys(expected).length).toBeGreaterThan(0)
  expect(await found([half, events])).toEqual(expected)
})

test('of a damaged log, the first fault of every hold and lot is found, and no other', async () => {
  let faulty = 0
  for (let seed = 1; seed <= damagedLogs; seed++) {
    const random = seeded(seed)
    const damages = Array.from({ length: random.int(3, 12) }, () => damage(random))
    for (const each of damages) await vandal.unsafe(each)
    const ends = Array.from({ length: 8 }, () => random.int(1, events)).sort((a, b) => a - b)
    const expected = followed(await readLog(vandal))
    expect(await found([...ends, events]), `seed ${seed}`).toEqual(expected)
    faulty += Object.keys(expected).length
    await restore()
  }
  expect(faulty).toBeGreaterThan(damagedLogs)
})

/** The log as it was before it was damaged. */
async function restore(): Promise<void> {
  await vandal`delete from events`
  await vandal`insert into events table saved`
}

/** Makes the hold of the longest call a lease: every third call within its time looks as if it had run on it. */
async function runSomeOnLeases(): Promise<void> {
  const log = await readLog(vandal)
  const calls = [...Map.groupBy(log, ({ request_id }) => request_id).values()].filter(
    (of) => of.length === 2 && of[0]?.type === 'CreditsHeld' && of[1]?.type === 'HoldSettled',
  ) as [LogEvent, LogEvent][]
  const lasted = ([{ position: from }, { position: to }]: [LogEvent, LogEvent]) => to - from
  calls.sort((a, b) => lasted(b) - lasted(a))
  const [[hold, end], ...others] = calls as [[LogEvent, LogEvent], ...typeof calls]
  const within = others.filter(
    ([{ position: from }, { position: to }]) => hold.position < from && to < end.position,
  )
  expect(within.length).toBeGreaterThan(9)
  for (const [begun, ended] of within.filter((_, i) => i % 3 === 0)) {
    await vandal`
      update events set type = 'CallsCounted', lots = null, held = null where position = ${begun.position}`
    await vandal`
      update events set held = null, payload = json_build_object('lease', ${hold.request_id}::text),
        account_id = ${hold.account_id}, key_id = ${hold.key_id}, mode = ${hold.mode}
      where position = ${ended.position}`
  }
}

/** What the check finds: of each hold and lot that a fault names, the first position. */
async function found(ends: readonly number[]): Promise<Record<string, number>> {
  const check = await openLogCheck('credits', [creditRules()], {
    url: database.url,
    shard: 0,
    maxDescribed: 100_000,
  })
  const first: Record<string, number> = {}
  try {
    for (const end of ends) {
      await vandal`update heads set position = ${end} where shard = 0`
      for (const { position, fault } of (await check.advance()).faults) {
        const name = /\b(lot -?\d+|hold \S+)/.exec(fault)?.[0] ?? fault
        first[name] ??= position
      }
    }
  } finally {
    await check.close()
  }
  return sorted(first)
}

/** The same, found by following the rules event by event. */
function followed(log: readonly LogEvent[]): Record<string, number> {
  const first: Record<string, number> = {}
  const note = (name: string, position: number) => {
    first[name] ??= position
  }
  const holds = new Map<string, { held: number; owner: string; terms: string }>()
  const lots = new Map<string, { known: boolean; free: number; held: number }>()
  const lotOf = (name: string) => {
    const lot = lots.get(name) ?? { known: false, free: 0, held: 0 }
    lots.set(name, lot)
    return lot
  }
  for (const event of log) {
    const { position, type, payload, credits, lots: touched, held, moved } = event
    const isEnd = ['HoldSettled', 'HoldReleased', 'HoldExpired'].includes(type)
    const lease = isEnd && type !== 'HoldExpired' && held === null ? payload.lease : undefined
    const change = sum(held)
    const owner = JSON.stringify([event.account_id, event.key_id, event.mode])
    const terms = JSON.stringify([event.tariff, event.endpoint, event.slots, event.occurred_at])
    if (lease !== undefined && holds.get(lease)?.owner !== owner) note(`hold ${lease}`, position)
    if (type === 'CreditsHeld') {
      const before = holds.get(event.request_id)
      if (before) note(`hold ${event.request_id}`, position)
      holds.set(event.request_id, { held: (before?.held ?? 0) + change, owner, terms })
    } else if (lease === undefined && (isEnd || type === 'HoldExtended')) {
      const before = holds.get(event.request_id)
      const after = (before?.held ?? 0) + change
      const isAnother = before?.owner !== owner || before.terms !== terms
      const wrong = isEnd && (after !== 0 || (type === 'HoldSettled' && credits > -change))
      if (isAnother || wrong) note(`hold ${event.request_id}`, position)
      if (isEnd) holds.delete(event.request_id)
      else
        holds.set(event.request_id, {
          held: after,
          owner: before?.owner ?? owner,
          terms: before?.terms ?? terms,
        })
    }
    const names = new Set<string>()
    if (type === 'CreditsGranted') {
      const lot = lotOf(`lot ${position}`)
      lot.known = true
      lot.free += credits
      names.add(`lot ${position}`)
    }
    const length = Math.max(touched?.length ?? 0, held?.length ?? 0, moved?.length ?? 0)
    for (let n = 0; touched && n < length; n++) {
      const name = `lot ${touched[n] ?? -1}`
      const lot = lotOf(name)
      const sign = { ChargeRefunded: 1, HoldSettled: -1, CreditsAdjusted: -1 }[type] ?? 0
      lot.free += sign * (moved?.[n] ?? 0) - (held?.[n] ?? 0)
      lot.held += held?.[n] ?? 0
      names.add(name)
    }
    for (const name of names) {
      const { known, free, held } = lotOf(name)
      if (!known || free < 0 || held < 0) note(name, position)
    }
  }
  return sorted(first)
}

/** A statement that changes one event, a lot or a call, or swaps two events, as no append would. */
function damage(random: Random): string {
  const ofCalls = `type in ('CreditsHeld', 'HoldExtended', 'HoldSettled', 'HoldReleased')`
  const nth = (column: string) =>
    `(select ${column} from events where ${ofCalls} and lots is not null order by position offset ${random.int(0, events / 2)} limit 1)`
  const [lot, call] = [nth('lots[1]'), nth('request_id')]
  const [a, b] = [random.int(1, events), random.int(1, events)]
  const change = random.pick([
    `lots = array[${lot}]`,
    'lots = null',
    `lots = lots || ${lot}`,
    `held = array[held[1] + ${random.int(-30, 30)}]`,
    'held = array[-held[1]]',
    `held = held || ${random.int(-9, 9)}::bigint`,
    'held = null',
    `moved = array[${random.int(0, 5_000_000)}]`,
    'moved = array[-1]',
    `credits = credits + ${random.int(1, 9)}`,
    `type = '${random.pick(['CreditsHeld', 'HoldSettled', 'HoldReleased', 'HoldExtended', 'ChargeRefunded', 'CallsCounted'])}'`,
    `request_id = 'x' || request_id`,
    `request_id = ${call}`,
    `payload = json_build_object('lease', ${call}), held = null, lots = null`,
    `lots = '{}'`,
    `held = held || ${random.int(-9, 9)}::bigint, lots = null`,
  ])
  const ofCall = random.pick([
    `lots = array[${lot}]`,
    'held = array[-held[1]]',
    `request_id = ${nth('request_id')}`,
    `type = case type when 'HoldSettled' then 'CallsCounted' else type end, lots = null`,
  ])
  return random.pick([
    `update events set ${change} where position = ${nth('position')}`,
    `update events set ${ofCall} where request_id = ${call}`,
    `update events set credits = ${random.int(1, 50)} where position = ${lot}`,
    // A call on the lease draws on two lots.
    `update events set lots = lots || ${lot}, moved = array[${random.int(1, 900)}, ${random.int(1, 900)}]
      where position = (select position from events where payload ->> 'lease' is not null and lots is not null
        order by position offset ${random.int(0, 3)} limit 1)`,
    swapped(`${a}`, `${b}`),
    swapped(
      `(select max(position) from events where request_id = ${call})`,
      `(select min(position) + ${random.int(0, 40)} from events where request_id = ${call})`,
    ),
    // The end of the lease comes somewhere before the ends of its calls.
    swapped(
      `(select max(position) from events where request_id = (select payload ->> 'lease' from events
        where payload ->> 'lease' is not null limit 1))`,
      `${a}`,
    ),
  ])
}

/** Swaps two events, by their positions. */
function swapped(a: string, b: string): string {
  const aside = 100_000
  return `
    create temp table pair as select ${a} as a, ${b} as b;
    update events set position = position + ${aside} from pair where position in (a, b);
    update events set position = case position when a + ${aside} then b else a end from pair where position > ${aside};
    drop table pair`
}

function sum(numbers: readonly number[] | null): number {
  return (numbers ?? []).reduce((a, b) => a + b, 0)
}

function sorted(first: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(first).sort(([a], [b]) => (a < b ? -1 : 1)))
}
