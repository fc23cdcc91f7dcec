/** What a call costs, in a sentence or two: the price rule as its customers read it. */

import { pointerSteps } from '../lib/json-pointer.ts'
import type { Condition, PriceRule } from './price-rule.ts'
import type { PricedRoute } from './priced-route.ts'

/** Of a route: its price, and what is not charged of it. Markdown. */
export function priceText({
  price,
  chargeWhen,
}: Pick<PricedRoute, 'price' | 'chargeWhen'>): string {
  if (chargeWhen === undefined || price.per === 'free') return ruleText(price)
  return `${ruleText(price)} Not charged unless the answer's ${test(chargeWhen)}.`
}

function ruleText(rule: PriceRule): string {
  switch (rule.per) {
    case 'free':
      return 'Free: the call is counted, no credits are held.'
    case 'request':
      return `${amount(rule.credits)} a call.`
    case 'item':
      return [
        `${amount(rule.credits)} for each item of ${field(rule.hold.list)}`,
        rule.settle ? ` is held; charged for each of the answer's ${field(rule.settle.list)}` : '',
        rule.settle?.where ? ` whose ${test(rule.settle.where)}` : '',
        '.',
      ].join('')
    case 'character':
      return `${amount(rule.credits)} for each started ${number(rule.unit)} characters (Unicode code points) of ${field(rule.hold.text)}.`
    case 'second':
      return [
        `${amount(rule.credits)} for each started ${number(rule.unit)} seconds of audio.`,
        `Held for what the file's header says or, if longer, for its size at ${number(rule.hold.lowestBitsPerSecond)} bits a second, at most ${number(rule.hold.maxSeconds)} seconds;`,
        rule.settle
          ? `charged for the answer's ${field(rule.settle.number)} where it says so, else by the header, never more than was held.`
          : 'charged by the header, never more than was held.',
      ].join(' ')
    case 'token':
      return [
        `${amount(rule.credits)} for each started ${number(rule.unit)} tokens of request and answer together, by the answer's ${field(rule.settle.usage)}.`,
        `Held for a token in every ${number(rule.hold.bytesPerToken)} bytes of the request, and for what the answer can have; of a stream for ${number(rule.hold.step)} tokens, and for more as it comes.`,
        'A stream for which no more can be held ends with an `error` event; what was sent by then is charged.',
      ].join(' ')
    case 'byte':
      return `${amount(rule.credits)} for each started ${number(rule.unit)} bytes of the answer, which are held ${number(rule.hold.step)} ahead and charged as they are sent.`
    default:
      return rule satisfies never
  }
}

/** A price in a few words, for tables. */
export function shortPriceText(rule: PriceRule): string {
  switch (rule.per) {
    case 'free':
      return 'free'
    case 'request':
      return `${amount(rule.credits)} a call`
    case 'item':
      return `${amount(rule.credits)} for each of ${rule.settle?.list ?? rule.hold.list}`
    case 'character':
      return `${amount(rule.credits)} for each started ${number(rule.unit)} characters`
    case 'second':
      return `${amount(rule.credits)} for each started ${number(rule.unit)} s`
    case 'token':
      return `${amount(rule.credits)} for each started ${number(rule.unit)} tokens`
    case 'byte':
      return `${amount(rule.credits)} for each started ${number(rule.unit)} bytes`
    default:
      return rule satisfies never
  }
}

function amount(credits: number): string {
  return credits === 1 ? '1 credit' : `${number(credits)} credits`
}

function test({ pointer, equals }: Condition): string {
  return `${field(pointer)} is \`${JSON.stringify(equals)}\``
}

/** `/meta/total` as `meta.total`. */
function field(pointer: string): string {
  return pointer === '' ? 'body' : `\`${pointerSteps(pointer).join('.')}\``
}

function number(value: number): string {
  return value.toLocaleString('en')
}
