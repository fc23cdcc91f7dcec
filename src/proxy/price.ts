/**
 * What a call costs. A quantity is counted (calls, items, characters, seconds: non-negative safe
 * integers) and a rule makes credits of it. Before the call a bound is held; after it the quantity used
 * is settled, never more than the bound, whatever the upstream says.
 *
 * Everything here is a pure function of the request, the response and the rule in the tariff, so a
 * recorded quantity can be priced again, under the same rule or another.
 */
import type { Equals, PriceRule, Route } from '../config/config.ts'
import { valueAt } from '../pointer.ts'

/** What is known of a request before it is sent on. */
export interface RequestFacts {
  /** The body, where it is JSON. */
  readonly json?: unknown
  /** The file of a form; `seconds` is what its header says, absent where it says nothing readable. */
  readonly audio?: { readonly bytes: number; readonly seconds?: number }
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
    default:
      return rule satisfies never
  }
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
      const passed = where ? list.filter((item) => passes(item, where)) : list
      return Math.min(passed.length, held)
    }
    case 'second': {
      const said = rule.settle && wholeSeconds(valueAt(response.json, rule.settle.number))
      return Math.min(said ?? wholeSeconds(request.audio?.seconds) ?? held, held)
    }
    default:
      return rule satisfies never
  }
}

/** Whether a 2xx answer is to be charged at all; otherwise its hold is released. */
export function charges(
  { chargeWhen }: Pick<Route, 'chargeWhen'>,
  response: ResponseFacts,
): boolean {
  return chargeWhen === undefined || passes(response.json, chargeWhen)
}

/** Whether the price of a call depends on its answer, which then has to be read as JSON, to its end. */
export function readsResponse({ price, chargeWhen }: Pick<Route, 'price' | 'chargeWhen'>): boolean {
  const settles = (price.per === 'item' || price.per === 'second') && price.settle !== undefined
  return settles || chargeWhen !== undefined
}

function unitsOf(rule: PriceRule, quantity: number): number {
  if (rule.per !== 'character' && rule.per !== 'second') return quantity
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

function passes(json: unknown, { pointer, equals }: Equals): boolean {
  return valueAt(json, pointer) === equals
}
