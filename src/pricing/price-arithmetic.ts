/**
 * What a call costs. A quantity is counted (calls, items, characters, seconds, tokens, bytes: non-negative
 * safe integers) and a rule makes credits of it. Before the call a bound is held; after it the quantity used
 * is settled, never more than the bound, whatever the upstream says. Tokens and bytes are metered along the
 * way: their hold grows with the answer (growing-hold.ts).
 *
 * Everything here is a pure function of the request, the response and the rule in the tariff, so a
 * recorded quantity can be priced again, under the same rule or another.
 */
import { valueAt } from '../lib/json-pointer.ts'
import { type Condition, type MeteredPrice, maxTokens, type PriceRule } from './price-rule.ts'
import type { PricedRoute } from './priced-route.ts'

export type TokenPrice = Extract<PriceRule, { per: 'token' }>

/** What is known of a request before it is sent on. */
export interface RequestFacts {
  /** The body, where it is JSON. */
  readonly json?: unknown
  /** The file of a form; `seconds` is what its header says, absent where it says nothing readable. */
  readonly audio?: { readonly bytes: number; readonly seconds?: number }
  /** The size of the body, where it is JSON. */
  readonly bytes?: number
  /** It asks for an answer event by event. */
  readonly streams?: boolean
}

/** What is known of a 2xx answer. `json` must be the whole body wherever `readsResponse` says so. */
export interface ResponseFacts {
  readonly json?: unknown
}

/**
 * The credits that a quantity costs: a started unit counts whole.
 *
 * @throws RangeError when the quantity is no non-negative safe integer, or the credits no safe one
 */
export function credits(rule: PriceRule, quantity: number): number {
  if (!Number.isSafeInteger(quantity) || quantity < 0) {
    throw new RangeError(`not a quantity: ${quantity}`)
  }
  const price = unitsOf(rule, quantity) * (rule.per === 'free' ? 0 : rule.credits)
  if (!Number.isSafeInteger(price)) throw new RangeError(`too many credits: ${price}`)
  return price
}

/**
 * The most that a call can use: what is held before it.
 *
 * @throws TypeError when the request does not carry what is counted; the route's schema prevents that,
 *   and a call that cannot be counted must not be let through as free
 */
export function holdQuantity(rule: PriceRule, request: RequestFacts): number {
  switch (rule.per) {
    case 'free':
    case 'request':
      return 1
    case 'item': {
      const list = valueAt(request.json, rule.hold.list)
      if (!Array.isArray(list)) throw new TypeError(`no list at ${rule.hold.list}`)
      return list.length
    }
    case 'character': {
      const text = valueAt(request.json, rule.hold.text)
      if (typeof text !== 'string') throw new TypeError(`no text at ${rule.hold.text}`)
      return countCharacters(text)
    }
    case 'second': {
      const { audio } = request
      if (audio === undefined) throw new TypeError('no audio')
      const { lowestBitsPerSecond, maxSeconds } = rule.hold
      const atLowestRate = Math.ceil((audio.bytes * 8) / lowestBitsPerSecond)
      return Math.min(Math.max(wholeSeconds(audio.seconds) ?? 0, atLowestRate), maxSeconds)
    }
    case 'token': {
      const answer = answerTokens(rule, request)
      const first = request.streams ? Math.min(rule.hold.step, answer) : answer
      return requestTokens(rule, request) + first
    }
    case 'byte':
      return rule.hold.step
    default:
      return rule satisfies never
  }
}

/** What the request of a call counts until its answer says better. */
export function requestTokens(rule: TokenPrice, { bytes }: RequestFacts): number {
  if (bytes === undefined) throw new TypeError('no JSON')
  return Math.ceil(bytes / rule.hold.bytesPerToken)
}

/** The most tokens that the answer can have, as far as a hold goes. */
function answerTokens({ hold }: TokenPrice, { json }: RequestFacts): number {
  const said = hold.limit.map((at) => valueAt(json, at)).find((limit) => isCount(limit))
  return Math.min((said as number | undefined) ?? hold.most, hold.most)
}

/** The tokens of a call that its answer, or an event of it, says; undefined where it does not. */
export function reportedTokens({ settle }: TokenPrice, json: unknown): number | undefined {
  const said = valueAt(json, settle.usage)
  return isCount(said) && said <= maxTokens ? said : undefined
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** The largest quantity that so many credits buy. */
export function quantityFor(rule: MeteredPrice, credits: number): number {
  return Math.floor(credits / rule.credits) * rule.unit
}

/**
 * What a call used, at most `held`, the quantity that its hold was for. Items that the answer does not
 * show are not charged. Seconds that it does not say are the file header's, and without one all that was held.
 */
export function settleQuantity(
  rule: PriceRule,
  { request, response }: { readonly request: RequestFacts; readonly response: ResponseFacts },
  held: number,
): number {
  switch (rule.per) {
    case 'free':
    case 'request':
    case 'character':
      return held
    case 'item': {
      const { settle } = rule
      if (settle === undefined) return held
      const list = valueAt(response.json, settle.list)
      if (!Array.isArray(list)) return 0
      const { where } = settle
      const passed = where ? list.filter((item) => meetsCondition(item, where)) : list
      return Math.min(passed.length, held)
    }
    case 'second': {
      const said = rule.settle && wholeSeconds(valueAt(response.json, rule.settle.number))
      return Math.min(said ?? wholeSeconds(request.audio?.seconds) ?? held, held)
    }
    case 'token':
      return Math.min(reportedTokens(rule, response.json) ?? held, held)
    case 'byte':
      return held
    default:
      return rule satisfies never
  }
}

/** Whether a 2xx answer is to be charged at all; otherwise its hold is released. */
export function isChargeable(
  { chargeWhen }: Pick<PricedRoute, 'chargeWhen'>,
  response: ResponseFacts,
): boolean {
  return chargeWhen === undefined || meetsCondition(response.json, chargeWhen)
}

/** Whether the price of a call depends on its answer, which then has to be read as JSON, to its end. */
export function readsResponse({
  price,
  chargeWhen,
}: Pick<PricedRoute, 'price' | 'chargeWhen'>): boolean {
  const settles = 'settle' in price && price.settle !== undefined
  return settles || chargeWhen !== undefined
}

function unitsOf(rule: PriceRule, quantity: number): number {
  if (!('unit' in rule)) return quantity
  // Not ceil(quantity / unit): that division is inexact for large integers.
  const rest = quantity % rule.unit
  return (quantity - rest) / rule.unit + (rest > 0 ? 1 : 0)
}

/** Unicode code points: an emoji counts once, a family of emoji as many as it is made of. */
function countCharacters(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

/**
 * Seconds rounded up, or undefined for what is no duration. Taken to the millisecond first: 60.0000001,
 * as arithmetic on frames leaves it, is a minute.
 */
function wholeSeconds(seconds: unknown): number | undefined {
  if (typeof seconds !== 'number' || !(seconds >= 0)) return undefined
  const whole = Math.ceil(Math.round(seconds * 1000) / 1000)
  return Number.isSafeInteger(whole) ? whole : undefined
}

/** Whether the value at the pointer is this one. */
export function meetsCondition(json: unknown, { pointer, equals }: Condition): boolean {
  return valueAt(json, pointer) === equals
}
