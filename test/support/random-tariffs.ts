/**
 * Prices of all kinds of component, at random, with calls under them; and what a call counts and costs by a second arithmetic, which
 * shares no code with src/pricing: each component is made together with what it counts.
 */
import fc from 'fast-check'
import type { PriceRule } from '../../src/pricing/price-rule.ts'

/** A call whose upstream keeps its word: a response says a part of what the request admits. */
export interface RandomCall {
  readonly n: number
  readonly pages: number
  readonly text: string
  readonly bytes: number
  readonly max: number
  /** The value that chooses a rate; undefined: the request has none. */
  readonly model: string | undefined
  /** How much of what it can come to is used, in thousandths: of each quantity, and of each kind of token. */
  readonly used: number
  readonly kinds: readonly number[]
  /** The response does not say its rows. */
  readonly isSilent: boolean
}

const tokenKinds = ['input', 'cached', 'cacheWrite', 'output', 'reasoning'] as const
type Kind = (typeof tokenKinds)[number]
type Quantities = Readonly<Partial<Record<Kind, number>>>

/** Where rates stand in a table, by these names; a value of another name finds `else`, where that stands in it. */
const models = ['a', 'b', 'else'] as const
const credit = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.integer({ min: 1, max: 100_000 }),
  fc.integer({ min: 1, max: 10 ** 8 }),
)
const perMillion = fc.oneof(
  fc.integer({ min: 1, max: 3_000_000 }),
  fc.integer({ min: 1, max: 10 ** 12 }),
)
/** Rates in tables can be 0. */
const orNothing = (rate: fc.Arbitrary<number>) => fc.oneof({ weight: 9, arbitrary: rate }, zero)
const zero = { weight: 1, arbitrary: fc.constant(0) }
const kindRates = fc
  .record(
    {
      ...{ input: orNothing(perMillion), cached: orNothing(perMillion) },
      ...{ cacheWrite: orNothing(perMillion), output: orNothing(perMillion) },
      reasoning: fc.nat({ max: 1_000 }),
    },
    { requiredKeys: ['input', 'output'] },
  )
  // Reasoning is never dearer than output.
  .map(({ reasoning, ...rates }) => ({
    ...rates,
    ...(reasoning !== undefined && { reasoning: Math.floor((rates.output * reasoning) / 1_000) }),
  }))
type KindRates = Readonly<Partial<Record<Kind, number>>>

/** The fields of a component that say its rate: one for all, or one for each model. */
function ratesOf<R>(field: string, rate: fc.Arbitrary<R>, inTable: fc.Arbitrary<R>) {
  return fc.record({
    field: fc.constant(field),
    one: rate,
    each: fc.tuple(inTable, inTable, inTable),
  })
}
type Rates =
  ReturnType<typeof ratesOf<number | KindRates>> extends fc.Arbitrary<infer R> ? R : never

const proportional = ratesOf('perMillion', perMillion, orNothing(perMillion))
const plainRate = ratesOf('credits', credit, orNothing(credit))
const anyRate = fc.oneof(proportional, plainRate)

/** A component without its name and rates, with what a call counts of it at most, and what it counts. */
interface Counting {
  readonly rule: object
  readonly most: (call: RandomCall) => number
  readonly counts?: (call: RandomCall) => number
  /** Its tokens have rates by kind. */
  readonly isByKind?: boolean
  /** It is metered while the response is sent. */
  readonly metered?: 'token' | 'byte'
  readonly readsJson?: boolean
}

const part = (whole: number, thousandths: number) => Math.floor((whole * thousandths) / 1_000)
const started = (bytes: number, each: number) => Math.ceil(bytes / each)
const rows = 30
const seconds = 600

const items: Counting = {
  rule: { per: 'item', hold: { number: '/n' } },
  most: ({ n }) => n,
}
const itemsDone: Counting = {
  rule: {
    per: 'item',
    hold: { list: '/list' },
    settle: { list: '/done', where: { pointer: '/ok', equals: true } },
  },
  most: ({ n }) => n,
  counts: ({ n, used }) => part(n, used),
  readsJson: true,
}
const characters: Counting = {
  rule: { per: 'character', hold: { text: '/text' } },
  most: ({ text }) => [...text].length,
}
const sentBytes: Counting = {
  rule: { per: 'byte', of: 'request' },
  most: ({ bytes }) => bytes,
}
const product: Counting = {
  rule: { per: 'quantity', of: 'page', hold: { product: ['/n', { query: 'pages' }] } },
  most: ({ n, pages }) => n * pages,
}
const rowsByHeader = (otherwise: 'held' | 'nothing' | number): Counting => ({
  rule: {
    per: 'quantity',
    of: 'row',
    hold: { most: rows },
    settle: { header: 'X-Rows', otherwise },
  },
  most: () => rows,
  counts: (call) => (call.isSilent ? whereSilent(otherwise, rows) : part(rows, call.used)),
})
const rowsByJson = (otherwise: 'held' | 'nothing' | number): Counting => ({
  rule: {
    per: 'quantity',
    of: 'row',
    hold: { bytesPer: 4 },
    settle: { number: '/rows', otherwise },
  },
  most: ({ bytes }) => started(bytes, 4),
  counts: (call) =>
    call.isSilent
      ? whereSilent(otherwise, started(call.bytes, 4))
      : part(started(call.bytes, 4), call.used),
  readsJson: true,
})
const audio: Counting = {
  rule: {
    ...{ per: 'second', settle: { number: '/seconds' } },
    hold: { audio: 'sound', lowestBitsPerSecond: 8_000, maxSeconds: seconds },
  },
  most: ({ bytes }) => Math.min(seconds, started(bytes, 1_000)),
  counts: ({ bytes, used }) => part(Math.min(seconds, started(bytes, 1_000)), used),
  readsJson: true,
}
const calls: Counting = { rule: { per: 'request' }, most: () => 1 }
const deliveredBytes: Counting = {
  rule: { per: 'byte', hold: { step: 100 } },
  most: ({ bytes }) => bytes,
  counts: ({ bytes, used }) => part(bytes, used),
  metered: 'byte',
}
const tokens = (isByKind: boolean): Counting => ({
  rule: {
    per: 'token',
    hold: { bytesPerToken: 4, limit: ['/max'], most: 500, step: 64 },
    settle: { usage: '/usage/total', each: ['/text'], ...(isByKind && { kinds: kindPointers }) },
  },
  most: ({ bytes, max }) => started(bytes, 4) + Math.min(max, 500),
  counts: (call) => Object.values(tokensOf(call)).reduce((sum, of) => sum + of, 0),
  ...{ isByKind, metered: 'token', readsJson: true },
})
const kindPointers = {
  ...{ input: '/usage/input', cached: '/usage/cached', cacheWrite: '/usage/cacheWrite' },
  ...{ output: '/usage/output', reasoning: '/usage/reasoning', contained: [] },
}

function whereSilent(otherwise: 'held' | 'nothing' | number, held: number): number {
  if (otherwise === 'held') return held
  return otherwise === 'nothing' ? 0 : Math.min(otherwise, held)
}

/** The tokens of a call by kind: no more of the request and of the response than were held. */
function tokensOf({ bytes, max, kinds }: RandomCall): Record<Kind, number> {
  const split = (whole: number, shares: readonly number[]) => {
    let left = whole
    return shares.map((share) => {
      const taken = part(left, share)
      left -= taken
      return taken
    })
  }
  const [cached = 0, cacheWrite = 0, input = 0] = split(started(bytes, 4), kinds.slice(0, 3))
  const [reasoning = 0, output = 0] = split(Math.min(max, 500), kinds.slice(3))
  return { input, cached, cacheWrite, output, reasoning }
}

interface Made extends Counting {
  readonly rates: Rates
  readonly isInTable: boolean
  readonly unit?: number
}

const unit = fc.integer({ min: 1, max: 5_000 })
function component(
  of: Counting,
  rates: fc.Arbitrary<Rates> = anyRate as fc.Arbitrary<Rates>,
): fc.Arbitrary<Made> {
  const { per } = of.rule as { per: string }
  const inUnits = ['character', 'byte', 'second', 'token'].includes(per)
  return fc.record({ rates, isInTable: fc.boolean(), unit }).map(({ unit, ...made }) => ({
    ...of,
    ...made,
    ...(inUnits && made.rates.field === 'credits' && { unit }),
  }))
}

const otherwise = fc.constantFrom('held' as const, 'nothing' as const, 7)
const byKind = ratesOf('perMillion', kindRates, kindRates) as fc.Arbitrary<Rates>
const anyComponent = fc.oneof(
  ...[component(calls, plainRate as fc.Arbitrary<Rates>), component(items), component(itemsDone)],
  ...[component(characters), component(sentBytes), component(product), component(audio)],
  ...[
    otherwise.chain((of) => component(rowsByHeader(of))),
    otherwise.chain((of) => component(rowsByJson(of))),
  ],
  ...[component(deliveredBytes), component(tokens(false)), component(tokens(true), byKind)],
)

/** A price with what is known of it by hand. */
export interface RandomPrice {
  readonly price: PriceRule
  /** The name in its tables that the call finds; null: they have none for it. undefined: it has no tables. */
  readonly nameOf: (call: RandomCall) => string | null | undefined
  /** What the call costs, and what it costs at most, before it is known which of it is used. */
  readonly costOf: (call: RandomCall) => bigint
  readonly boundOf: (call: RandomCall) => bigint
  readonly metered: 'token' | 'byte' | undefined
  /** What is metered of the call. */
  readonly meteredIn: (call: RandomCall) => number
}

/** Lists of components, and prices of one. */
export const randomPrice: fc.Arbitrary<RandomPrice> = fc
  .record({
    made: fc.array(anyComponent, { minLength: 1, maxLength: 6 }),
    isOne: fc.boolean(),
    names: fc.subarray([...models], { minLength: 1 }),
  })
  .map(({ made, isOne, names }) => priceOf(fitting(isOne ? made.slice(0, 1) : made), isOne, names))

/** Rates by how many came before in the month: so many at each, and all others at the last. */
export interface RandomTiers {
  readonly widths: readonly number[]
  readonly rates: readonly number[]
  readonly isProportional: boolean
}

/** @param maxWidth how many fall into a tier at most */
export function randomTiers(maxWidth: number): fc.Arbitrary<RandomTiers> {
  const rate = fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 3_000_000 }))
  return fc.integer({ min: 1, max: 4 }).chain((count) =>
    fc.record({
      widths: fc.array(fc.integer({ min: 1, max: maxWidth }), {
        ...{ minLength: count, maxLength: count },
      }),
      rates: fc.array(rate, { minLength: count + 1, maxLength: count + 1 }),
      isProportional: fc.boolean(),
    }),
  )
}

export function tiersOf({ widths, rates, isProportional }: RandomTiers): object[] {
  let upTo = 0
  return rates.map((rate, i) => {
    upTo += widths[i] ?? 0
    return {
      ...(i < widths.length && { upTo }),
      ...(isProportional ? { perMillion: rate } : { credits: rate }),
    }
  })
}

/** What the first so many of a month cost. */
export function costOfFirst({ widths, rates, isProportional }: RandomTiers, count: number): bigint {
  let [left, cost] = [BigInt(count), 0n]
  for (const [tier, rate] of rates.entries()) {
    const width = widths[tier]
    const here = width === undefined || BigInt(width) > left ? left : BigInt(width)
    cost += here * BigInt(rate) * (isProportional ? 1n : 1_000_000n)
    left -= here
  }
  return roundUp(cost)
}

/** A price of which one component has tiers: what it costs goes by how many came before. */
export interface RandomTieredPrice extends RandomPrice {
  /** undefined: it is the only one. */
  readonly component: string | undefined
  readonly tieredIn: (call: RandomCall) => number
  readonly costAfter: (call: RandomCall, volume: number) => bigint
}

/** What has tiers is counted before the call is over, and is no audio. */
export const randomTieredPrice: fc.Arbitrary<RandomTieredPrice> = fc
  .record({
    of: fc.constantFrom(
      ...[calls, items, itemsDone, characters, sentBytes, product],
      ...[rowsByHeader('held'), rowsByJson('nothing'), rowsByJson(7)],
    ),
    tiers: randomTiers(5_000),
    more: fc.array(anyComponent, { maxLength: 3 }),
    names: fc.subarray([...models], { minLength: 1 }),
  })
  .map(({ of, tiers, more, names }) => {
    const others = more.filter(({ metered }) => !metered)
    const rule = { ...of.rule, tiers: tiersOf(tiers) }
    const rest = priceOf(others, false, names)
    const component = others.length > 0 ? 'tiered' : undefined
    const price = component ? [...(rest.price as object[]), { name: component, ...rule }] : rule
    const tieredIn = of.counts ?? of.most
    const costAfter = (call: RandomCall, volume: number) =>
      rest.costOf(call) + costOfFirst(tiers, volume + tieredIn(call)) - costOfFirst(tiers, volume)
    const highest = BigInt(Math.max(...tiers.rates)) * (tiers.isProportional ? 1n : 1_000_000n)
    return {
      ...rest,
      ...{ price: price as never as PriceRule, component, tieredIn, costAfter },
      costOf: (call) => costAfter(call, 0),
      boundOf: (call) => rest.boundOf(call) + roundUp(BigInt(of.most(call)) * highest),
    }
  })

/** At most one component is metered; beside one, no audio is sold, and beside bytes nothing is read. */
function fitting(made: readonly Made[]): Made[] {
  const metered = made.find((of) => of.metered)
  if (metered === undefined) return [...made]
  return made.filter(
    (of) =>
      of === metered ||
      !(of.metered || of.rule === audio.rule || (metered.metered === 'byte' && of.readsJson)),
  )
}

function priceOf(made: readonly Made[], isOne: boolean, names: readonly string[]): RandomPrice {
  const hasTables = made.some(({ isInTable }) => isInTable)
  const rules = made.map(({ rule, rates: { field, one, each }, isInTable, unit }, index) => ({
    ...(!isOne && { name: `c${index}` }),
    ...rule,
    [field]: isInTable ? Object.fromEntries(names.map((name, at) => [name, each[at]])) : one,
    ...(isInTable && { by: '/model' }),
    ...(unit !== undefined && { unit }),
  }))
  const nameOf = ({ model }: RandomCall) => {
    if (!hasTables) return undefined
    if (model !== undefined && names.includes(model)) return model
    return names.includes('else') ? 'else' : null
  }
  const metered = made.find((of) => of.metered)
  const sumOf = (call: RandomCall, millionths: (of: Made, rate: number | KindRates) => bigint) => {
    const at = names.indexOf(nameOf(call) ?? '')
    const all = made.map((of) =>
      millionths(of, (of.isInTable ? of.rates.each[at] : of.rates.one) as number | KindRates),
    )
    return roundUp(all.reduce((sum, of) => sum + of, 0n))
  }
  return {
    price: (isOne ? rules[0] : rules) as never as PriceRule,
    nameOf,
    costOf: (call) =>
      sumOf(call, (of, rate) =>
        typeof rate === 'number'
          ? costAt(of, rate, (of.counts ?? of.most)(call))
          : costOfKinds(rate, tokensOf(call)),
      ),
    boundOf: (call) =>
      sumOf(call, (of, rate) =>
        typeof rate === 'number'
          ? costAt(of, rate, of.most(call))
          : boundOfKinds(rate, started(call.bytes, 4), Math.min(call.max, 500)),
      ),
    metered: metered?.metered,
    meteredIn: (call) => metered?.counts?.(call) ?? 0,
  }
}

/** In millionths of a credit. */
function costAt({ rates, unit }: Made, rate: number, quantity: number): bigint {
  if (rates.field === 'perMillion') return BigInt(quantity) * BigInt(rate)
  const each = BigInt(unit ?? 1)
  return ((BigInt(quantity) + each - 1n) / each) * BigInt(rate) * 1_000_000n
}

function rateOfKind(rates: KindRates, kind: Kind): bigint {
  const whole = kind === 'reasoning' || kind === 'output' ? rates.output : rates.input
  return BigInt(rates[kind] ?? whole ?? 0)
}

function costOfKinds(rates: KindRates, tokens: Quantities): bigint {
  return tokenKinds.reduce(
    (sum, kind) => sum + BigInt(tokens[kind] ?? 0) * rateOfKind(rates, kind),
    0n,
  )
}

function ofRequestKinds(rates: KindRates): bigint[] {
  return (['input', 'cached', 'cacheWrite'] as const).map((kind) => rateOfKind(rates, kind))
}

function boundOfKinds(rates: KindRates, ofRequest: number, ofResponse: number): bigint {
  const highest = ofRequestKinds(rates).toSorted((a, b) => (a < b ? 1 : -1))[0] ?? 0n
  return BigInt(ofRequest) * highest + BigInt(ofResponse) * rateOfKind(rates, 'output')
}

function roundUp(millionths: bigint): bigint {
  return (millionths + 999_999n) / 1_000_000n
}

/** The largest body of a request. */
export const maxRandomBytes = 1_000_000

const thousandths = fc.oneof(fc.nat({ max: 1_000 }), fc.constantFrom(0, 1_000))

export const randomCall: fc.Arbitrary<RandomCall> = fc.record({
  ...{ n: fc.nat({ max: 60 }), pages: fc.nat({ max: 20 }), max: fc.nat({ max: 700 }) },
  text: fc.string({ unit: 'binary', maxLength: 50 }),
  bytes: fc.oneof(fc.nat({ max: 5_000 }), fc.nat({ max: maxRandomBytes })),
  model: fc.constantFrom('a', 'b', 'c', 'constructor', undefined),
  ...{ used: thousandths, isSilent: fc.boolean() },
  kinds: fc.tuple(thousandths, thousandths, thousandths, thousandths, thousandths),
})

/** The call as a gateway knows it. */
export function contentOf(call: RandomCall) {
  const { n, pages, text, bytes, max, model, used, isSilent } = call
  const list = Array.from({ length: n }, () => 0)
  const usage = tokensOf(call)
  const total = Object.values(usage).reduce((sum, of) => sum + of, 0)
  const json = {
    done: list.flatMap((_, index) => [{ ok: index < part(n, used) }]),
    ...(!isSilent && { rows: part(started(bytes, 4), used) }),
    seconds: part(Math.min(seconds, started(bytes, 1_000)), used),
    usage: { ...usage, total },
  }
  return {
    request: {
      json: { n, text, max, list, ...(model !== undefined && { model }) },
      ...{ bytes, method: 'POST', query: { pages }, files: { sound: { bytes } } },
    },
    response: {
      json,
      headers: new Headers(isSilent ? {} : { 'X-Rows': String(part(rows, used)) }),
    },
  }
}

/** A route of such calls, whose schemas admit all of them but those that count the length of audio. */
export const randomRoute = {
  method: 'POST',
  query: { pages: { type: 'integer', minimum: 0, maximum: 20, required: true } },
  request: {
    json: object({
      ...{ n: { type: 'integer', minimum: 0, maximum: 60 }, max: { type: 'integer' } },
      ...{ text: { type: 'string', maxLength: 50 }, list: { type: 'array', maxItems: 60 } },
      model: { type: 'string' },
    }),
  },
  response: {
    json: object({
      ...{ rows: { type: 'number' }, done: { type: 'array', items: object({ ok: {} }) } },
      usage: object(
        Object.fromEntries([...tokenKinds, 'total'].map((name) => [name, { type: 'integer' }])),
      ),
    }),
  },
} as const

function object(properties: object) {
  return {
    type: 'object',
    required: Object.keys(properties).filter((name) => name !== 'model'),
    properties,
  }
}
