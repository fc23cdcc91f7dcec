/**
 * Any history: commands, and batches of commands over two gateways at once, in any order. Whatever came of
 * it, each event and each result must be what the rules say, the projections must hold what the oracle
 * makes of the log, and the log alone must suffice to make the projections again.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { EventType } from '../../events/catalogue.ts'
import { projections } from '../../projections/index.ts'
import type { Projection } from '../../projections/projection.ts'
import type { Plan } from '../../src/config/config.ts'
import type { CallCommand, Hold } from '../../src/ledger/append/call-commands.ts'
import { connect } from '../../src/ledger/connect.ts'
import { applyLargeRange, type Range } from '../../src/projector/apply-range.ts'
import { asOf } from '../../src/projector/as-of.ts'
import { tablesOf } from '../../src/projector/projection-tables.ts'
import { rebuildAll } from '../../src/projector/rebuild/rebuild.ts'
import { groupProjections } from '../../src/projector/verify/compare-projection.ts'
import { budgetsFor, groupFor, keyBudgetsFor } from '../support/budgets.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { compareWithProjections, compareWithState } from '../support/compare.ts'
import type { Gateway } from '../support/gateway.ts'
import * as commands from '../support/gateway.ts'
import { type LogEvent, readLog } from '../support/log.ts'
import { breachesOf, type DecidedCommand } from '../support/log-rules.ts'
import { changeOperatorKey, operatorSecret } from '../support/operator-keys.ts'
import { fold } from '../support/oracle.ts'
import {
  type Ledger,
  openLedger,
  type TestAccount,
  type TestKey,
  testTariff,
} from '../support/test-ledger.ts'

const runs = Number(process.env.PROPERTY_RUNS ?? 100)
const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31))

let ledger: Ledger
let histories = 0
let gateways: readonly [Gateway, Gateway]
beforeAll(async () => {
  ledger = await openLedger()
  gateways = [ledger.newGateway('left'), ledger.newGateway('right')]
})
afterAll(() => ledger.close())

const overageFee = { minorUnits: 120, currency: 'EUR' }

/** Small allowances, so that histories draw on many lots and run out of credits. */
function tariffOf({ free = 30, pro = 60 }): typeof testTariff {
  const { prices, plans } = testTariff
  const none = plans.none as Plan
  return {
    prices,
    plans: {
      ...{ none, free: { ...none, credits: free, rollover: { max: 12, months: 2 } } },
      pro: {
        ...none,
        credits: pro,
        firstMonth: 'prorated',
        prices: { search: { per: 'request', credits: 2 } },
      },
      tried: { ...none, trial: { credits: free, days: 9 } },
      over: { ...none, credits: free, overage: { max: free, fee: overageFee, per: 7 } },
    },
  }
}

/** What one history works on. */
interface World {
  readonly accounts: readonly TestAccount[]
  readonly keys: readonly TestKey[]
  readonly holds: Hold[]
  readonly charges: Hold[]
  readonly results: DecidedCommand[]
  /** The command's externalIds: few, so that some are used again. */
  readonly name: string
}

/** A step of a history. Numbers pick from what there is, modulo how much that is. */
type Step =
  | { readonly do: 'batch'; readonly commands: readonly CommandStep[] }
  | { readonly do: 'command'; readonly verb: Verb; readonly pick: number; readonly credits: number }
  | { readonly do: 'wait'; readonly ms: number }

interface CommandStep {
  readonly kind:
    | 'hold'
    | 'extend'
    | 'settle'
    | 'release'
    | 'expire'
    | 'count'
    | 'count_refused'
    | 'stale'
  readonly gateway: 0 | 1
  readonly pick: number
  readonly credits: number
  readonly holdSeconds: number
}

const verbs = {
  grant: (w: World, pick: number, credits: number) =>
    ledger.grant(account(w, pick), credits, {
      mode: pick % 3 ? 'live' : 'test',
      ...(pick % 2 ? { expiresAt: inDays(credits % 40) } : {}),
      ...(pick % 5 ? { externalId: `${w.name}-${credits % 4}` } : {}),
      ...(pick % 7 ? {} : { startsAt: inDays(1) }),
    }),
  adjust: (w: World, pick: number, credits: number) =>
    ledger.commands.adjust(0, {
      accountId: account(w, pick).accountId,
      ...{ mode: pick % 3 ? 'live' : 'test', credits, actor: 'test' },
      ...(pick % 5 ? {} : { externalId: `${w.name}-${credits % 4}` }),
    }),
  refund: async (w: World, pick: number, credits: number) => {
    const charge = w.charges.at(pick % Math.max(w.charges.length, 1)) ?? w.holds[0]
    if (!charge) return
    await ledger.commands.refund(0, {
      ...{ requestId: charge.requestId, actor: 'test' },
      ...(pick % 3 ? { credits } : {}),
      ...(pick % 4 ? {} : { externalId: `${w.name}-${credits % 4}` }),
    })
  },
  plan: (w: World, pick: number, credits: number) =>
    ledger.changePlan(
      account(w, pick),
      ['free', 'pro', 'none', 'tried', 'over', 'unknown'][credits % 6] ?? '',
      pick % 2 ? ledger.now : nextMonth(),
    ),
  freeze: (w: World, pick: number) => ledger.change(account(w, pick), 'AccountFrozen'),
  unfreeze: (w: World, pick: number) => ledger.change(account(w, pick), 'AccountUnfrozen'),
  limit: (w: World, pick: number, credits: number) =>
    ledger.change(account(w, pick), 'AccountLimitsChanged', {
      rateLimit: null,
      maxInFlight: pick % 2 ? null : (credits % 4) + 1,
    }),
  describe: (w: World, pick: number, credits: number) =>
    ledger.change(
      account(w, pick),
      'AccountDescribed',
      {},
      pick % 3 ? new Uint8Array([3, pick, credits]) : undefined,
    ),
  note: (w: World, pick: number, credits: number) =>
    ledger.change(account(w, pick), 'AccountNoted', {}, new Uint8Array([5, pick, credits])),
  budget: (w: World, pick: number, credits: number) =>
    ledger.change(account(w, pick), 'AccountBudgetsChanged', {
      budgets: budgetsFor(pick, credits),
    }),
  keyBudget: (w: World, pick: number, credits: number) =>
    ledger.change(key(w, pick), 'KeyBudgetsChanged', { budgets: keyBudgetsFor(pick, credits) }),
  group: (w: World, pick: number, credits: number) =>
    ledger.change(key(w, pick), 'KeyGrouped', { group: groupFor(credits) }),
  cap: (w: World, pick: number, credits: number) =>
    ledger.change(key(w, pick), 'KeyLimitsChanged', { monthlyCap: pick % 3 ? credits : null }),
  update: (w: World, pick: number, credits: number) => {
    const endpoints = pick % 2 ? ['search'] : null
    const expiry = pick % 5 ? {} : { expiresAt: inDays(credits % 9) }
    const sealed = pick % 3 ? new Uint8Array([1, pick, credits]) : undefined
    return ledger.change(key(w, pick), 'KeyUpdated', { endpoints, ...expiry }, sealed)
  },
  rotate: (w: World, pick: number) => {
    const rotated = key(w, pick)
    const previous = pick % 2 ? { previousHash: rotated.hash, previousUntil: inDays(1) } : null
    rotated.hash = Bun.SHA256.hash(crypto.randomUUID(), 'hex')
    return ledger.change(rotated, 'KeyRotated', {
      ...{ hash: rotated.hash, display: 'rotated' },
      ...(previous ?? { previousHash: null, previousUntil: null }),
    })
  },
  disable: (w: World, pick: number) =>
    ledger.change(key(w, pick), 'KeyDisabled', {}, new Uint8Array([2, pick])),
  enable: (w: World, pick: number) => ledger.change(key(w, pick), 'KeyEnabled'),
  revoke: (w: World, pick: number) => ledger.change(key(w, pick), 'KeyRevoked'),
  operatorKey: async (w: World, pick: number, credits: number) => {
    const id = `opk_${w.name.replaceAll('-', '').slice(0, 22)}`
    const [known] = await ledger.sql<{ version: number; hash: string }[]>`
      select version, hash from operator_keys where operator_key_id = ${id}`
    const change = (type: EventType, payload: object) =>
      changeOperatorKey(ledger.commands, { id, version: known?.version ?? 0 }, type, payload)
    const secret = operatorSecret(crypto.randomUUID(), inDays(credits))
    if (!known) return change('OperatorKeyIssued', { name: 'Export', role: 'auditor', ...secret })
    if (pick % 5 === 0) return change('OperatorKeyRevoked', { reason: 'leaked' })
    const previous = pick % 2 ? { previousHash: known.hash, previousUntil: inDays(1) } : null
    return change('OperatorKeyRotated', {
      ...secret,
      ...(previous ?? { previousHash: null, previousUntil: null }),
    })
  },
  publish: async (_: World, pick: number, credits: number) => {
    await ledger.publish(
      tariffOf({ free: 15 + (credits % 3) * 15 }),
      pick % 2 ? ledger.now : inDays(2),
    )
  },
} as const
type Verb = keyof typeof verbs

const amount = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 40 }))
const pick = fc.nat({ max: 104 })

const aCommand: fc.Arbitrary<CommandStep> = fc.record({
  kind: fc.oneof(
    ...weighted<CommandStep['kind']>({
      hold: 8,
      extend: 5,
      settle: 5,
      release: 2,
      expire: 2,
      count: 1,
      count_refused: 1,
      stale: 1,
    }),
  ),
  gateway: fc.constantFrom(0 as const, 1 as const),
  pick,
  credits: amount,
  holdSeconds: fc.constantFrom(1, 60, 5_000_000),
})

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('batch' as const),
      commands: fc.array(aCommand, { minLength: 1, maxLength: 8, size: 'max' }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('command' as const),
      verb: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom<Verb>('grant', 'adjust', 'refund') },
        {
          weight: 4,
          arbitrary: fc.constantFrom<Verb>(
            'plan',
            'limit',
            'cap',
            'budget',
            'keyBudget',
            'group',
            'update',
            'operatorKey',
            'publish',
          ),
        },
        {
          weight: 3,
          arbitrary: fc.constantFrom<Verb>('freeze', 'unfreeze', 'rotate', 'disable', 'enable'),
        },
        { weight: 1, arbitrary: fc.constant<Verb>('revoke') },
      ),
      pick,
      credits: amount,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 1_000, 61_000, 86_400_000, 16 * 86_400_000),
    }),
  },
)

/** One in which months turn. */
const aStepOverMonths: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: aStep },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'wait', ms: 16 * 86_400_000 }) },
)

/** @param follow is given the log of each history */
async function expectSound(
  step: fc.Arbitrary<Step>,
  numRuns: number,
  follow: (log: readonly LogEvent[]) => void = () => {},
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 25, size: 'max' }),
      async (steps) => {
        const { world, log } = await live(steps)
        follow(log)
        expect(breachesOf(log, world.results)).toEqual([])
        const accounts = world.accounts.map((a) => a.accountId)
        expect(await compareWithState(ledger.sql, fold(log), 0, accounts)).toEqual([])
      },
    ),
    { numRuns, seed, endOnFailure: !process.env.PROPERTY_SHRINK },
  )
}

test(`any history is sound (seed ${seed})`, async () => {
  await expectSound(aStep, runs)
})

test(`any history over months is sound: what does not roll over lapses, and overage is given (seed ${seed})`, async () => {
  let lapses = 0
  let overages = 0
  await expectSound(aStepOverMonths, Math.max(runs / 2, 25), (log) => {
    lapses += log.filter(({ type }) => type === 'CreditsLapsed').length
    overages += log.filter(({ payload }) => payload.kind === 'overage').length
  })
  expect(lapses).toBeGreaterThan(0)
  expect(overages).toBeGreaterThan(0)
})

test('the whole log, of all histories together, means what the projections hold', async () => {
  await catchUpAll(ledger.sql)
  expect(breachesOf(await readLog(ledger.sql))).toEqual([])
  expect(await compareWithProjections(ledger.sql)).toEqual([])
})

test('the projections can be made again from the log, in one batch or in any ranges', async () => {
  await catchUpAll(ledger.sql)
  const size = await ledger.size()
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: size }), { maxLength: 12 }),
      async (cuts) => {
        const ranges = [0, ...cuts.sort((a, b) => a - b), size]
        expect(await rebuild(ranges, eachApart, inBatches)).toEqual([])
        expect(await rebuild(ranges, eachApart, applyLargeRange)).toEqual([])
        expect(await rebuild(ranges, groupProjections(projections), applyLargeRange)).toEqual([])
      },
    ),
    { numRuns: 6, seed, examples: [[[]]] },
  )
})

test('a rebuild in service leaves the rows that were there', async () => {
  await catchUpAll(ledger.sql)
  const before = await rowsInService()
  await rebuildAll(projections, { url: ledger.url })
  expect(await rowsInService()).toEqual(before)
})

test('as of any position stand the rows that stood when it was the last', async () => {
  expect(recorded.length).toBeGreaterThan(0)
  for (const { position, rows } of recorded) {
    const shown: string[] = []
    for (const projection of projections) {
      const options = { url: ledger.url, positions: [{ shard: 0, position }] }
      for await (const { table, row } of asOf(projection, options)) {
        shown.push(`${table} ${JSON.stringify(row)}`)
      }
    }
    expect(shown.sort(), `as of ${position}`).toEqual([...rows])
  }
})

/** Some heads of the log, with all rows that stood then: taken in the midst of histories. */
const recorded: { readonly position: number; readonly rows: readonly string[] }[] = []
const maxRecorded = 4

/** Takes the state down every so often, so that the last ones stand on long logs. */
async function recordState(history: number): Promise<void> {
  if (recorded.length === maxRecorded || history % Math.ceil(runs / maxRecorded) > 0) return
  await catchUpAll(ledger.sql)
  recorded.push({ position: await ledger.size(), rows: await rowsInService() })
}

async function rowsInService(): Promise<string[]> {
  const shown: string[] = []
  for (const table of projections.flatMap(tablesOf)) {
    const rows = await ledger.sql<
      { row: object }[]
    >`select to_json(t) as row from ${ledger.sql(table)} t`
    shown.push(...rows.map(({ row }) => `${table} ${JSON.stringify(row)}`))
  }
  return shown.sort()
}

/** Runs a history on accounts of its own, and returns the part of the log that it wrote. */
async function live(steps: readonly Step[]): Promise<{ world: World; log: LogEvent[] }> {
  // Every history begins in the middle of a month, under the same tariff.
  await ledger.travelTo(new Date(nextMonth().getTime() + 14 * 86_400_000))
  const start = await ledger.size()
  await ledger.publish(tariffOf({}))
  const [a, b] = [await ledger.account({ plan: 'free' }), await ledger.account({ plan: 'over' })]
  const penniless = await ledger.account({ plan: 'none' })
  const keys = [
    await ledger.key(a),
    await ledger.key(a, { monthlyCap: 40 }),
    await ledger.key(a, { mode: 'test' }),
    await ledger.key(b),
    await ledger.key(penniless),
  ]
  for (const credits of [7, 5, 20]) await ledger.grant(b, credits)
  const name = crypto.randomUUID()
  const accounts = [a, b, penniless]
  const world: World = { accounts, keys, holds: [], charges: [], results: [], name }
  const middle = Math.floor(steps.length / 2)
  for (const [i, step] of steps.entries()) {
    if (i === middle) await recordState(histories++)
    if (step.do === 'wait') await ledger.advance(step.ms)
    else if (step.do === 'command') await verbs[step.verb](world, step.pick, step.credits)
    else await sendBatches(world, step.commands)
  }
  await catchUpAll(ledger.sql)
  return { world, log: await readLog(ledger.sql, 0, start) }
}

/** Sends a step's commands at once: each gateway makes one batch of its own, and the two race. */
async function sendBatches(world: World, steps: readonly CommandStep[]): Promise<void> {
  const made = steps.map((step) => ({ step, command: commandOf(world, step) }))
  const results = await Promise.all(
    made.map(async ({ step, command }) => ({
      command,
      ...(await gateways[step.gateway].append(command)),
    })),
  )
  for (const { command, verdict, position, available, recordedAt } of results) {
    world.results.push({ command, verdict, position, available, now: recordedAt.getTime() * 1_000 })
    if (command.kind === 'hold' && verdict === 'ok') world.holds.push(command)
    if (command.kind === 'settle' && verdict === 'ok') world.charges.push(chargeOf(world, command))
  }
}

function chargeOf(world: World, { requestId }: { requestId: string }): Hold {
  return world.holds.find((hold) => hold.requestId === requestId) as Hold
}

function commandOf(world: World, { kind, pick, credits, holdSeconds }: CommandStep): CallCommand {
  const of = key(world, pick)
  const hold = world.holds.at(-1 - (pick % Math.max(world.holds.length, 1)))
  if (kind === 'count_refused') return commands.countRefusedCommand(of, credits, 'rate_limited')
  if (kind === 'count') return commands.countCommand(of, credits, { errors: credits % 2 })
  if (kind === 'stale')
    return commands.holdCommand(of, credits, { keyVersion: of.version - (pick % 2) })
  // Some hold nothing, as calls of price 0 do.
  if (kind === 'hold' || !hold) {
    // The plan that has prices of its own is named by some, whether it is in force or not.
    const plan = credits % 3 ? undefined : 'pro'
    return commands.holdCommand(of, pick % 8 ? credits : 0, { holdSeconds, plan })
  }
  if (kind === 'extend') {
    const owner = world.keys.find(({ keyId }) => keyId === hold.keyId) as TestKey
    const version = owner.version - (pick % 11 ? 0 : 1)
    // Some extend by nothing: the hold then only lives longer.
    const sentCredits = pick % (hold.credits + 2)
    const sent = { credits: sentCredits, quantity: sentCredits * 3 }
    const more = { holdSeconds, keyVersion: version, ...(credits % 3 && { sent }) }
    return commands.extendCommand(owner, hold, pick % 4 ? credits : 0, more)
  }
  if (kind === 'release') return commands.releaseCommand(hold)
  if (kind === 'expire') return commands.expireCommand(hold)
  const used = Math.min(credits, hold.credits + (pick % 2)) - (pick % 3 ? 0 : 1)
  return commands.settleCommand(hold, Math.max(used, 0))
}

const eachApart = projections.map((projection) => [projection])

/** The mapping as it is written, on a batch of all events of a range. */
function inBatches(of: readonly Projection[], { after, upTo }: Range): string[] {
  const batch = `select * from events where shard = 0 and position > ${after} and position <= ${upTo}`
  return of.flatMap(({ apply }) => apply).map(({ sql }) => `with batch as (${batch}) ${sql}`)
}

/**
 * Makes every projection's tables anew in a schema of their own, applies the log between each two cuts
 * at once, and returns the rows that differ from those in service.
 */
async function rebuild(
  cuts: readonly number[],
  groups: readonly (readonly Projection[])[],
  statementsOf: (projections: readonly Projection[], range: Range) => string[],
): Promise<string[]> {
  const sql = connect({ url: ledger.url, as: 'owner', max: 1 })
  try {
    // The bare names of the projections' tables lead into the new schema, all others to the ledger.
    await sql.unsafe('create schema rebuilt; set search_path = rebuilt, tollbook, pg_temp')
    const differing: string[] = []
    for (const group of groups) {
      const tables = group.flatMap(({ tables }) => tables)
      for (const statement of tables) await sql.unsafe(statement)
      for (const [i, after] of cuts.slice(0, -1).entries()) {
        const range = { shard: 0, after, upTo: cuts[i + 1] ?? after }
        await sql.unsafe(statementsOf(group, range).join(';\n'))
      }
      for (const statement of tables) {
        const table = /^create table (\w+)/.exec(statement)?.[1]
        if (!table) continue
        const [row] = await sql.unsafe(`select count(*) as rows from (
          (select * from rebuilt.${table} except all select * from tollbook.${table})
          union all
          (select * from tollbook.${table} except all select * from rebuilt.${table})) d`)
        if (row?.rows > 0) differing.push(`${table} differs in ${row?.rows} rows`)
      }
    }
    return differing
  } finally {
    await sql.unsafe('drop schema if exists rebuilt cascade')
    await sql.end()
  }
}

function account(world: World, pick: number): TestAccount {
  return world.accounts[pick % world.accounts.length] as TestAccount
}

function key(world: World, pick: number): TestKey {
  return world.keys[pick % world.keys.length] as TestKey
}

function inDays(days: number): string {
  return new Date(ledger.now.getTime() + days * 86_400_000).toISOString()
}

function nextMonth(): Date {
  return new Date(Date.UTC(ledger.now.getUTCFullYear(), ledger.now.getUTCMonth() + 1))
}

function weighted<T extends string>(weights: Record<T, number>) {
  return Object.entries<number>(weights).map(([value, weight]) => ({
    weight,
    arbitrary: fc.constant(value as T),
  }))
}
