/**
 * What a component of a price costs: `credits` for each unit that is started, or `perMillion`, which is proportional. With
 * `by` it is a table, and a value of the request chooses in it.
 */
import { type Static, Type } from '@sinclair/typebox'
import { maxAmount } from '../../events/bounds.ts'
import { type CreditScale, creditsText } from '../lib/credit-scale.ts'
import type { Fault } from '../lib/fault.ts'
import { methodsOf } from '../lib/http-methods.ts'
import { isMapping } from '../lib/is-mapping.ts'
import { closed } from '../lib/schema-fields.ts'
import { readableInRequest, valuesInRequest } from './pointer-checks.ts'
import type { PriceableRoute, RequestContent } from './price-kind.ts'
import {
  type RequestSource,
  requestSource,
  sourceMarkdown,
  sourceText,
  valueInRequest,
} from './request-source.ts'
import { numberText } from './text-parts.ts'
import { Tiers, tierFaults, tiersText } from './tiers.ts'
import { isKindRates, KindRates } from './token-kinds.ts'

/** They are repeated in the events of calls, so they are short, and nothing in them has to be escaped. */
const Name = Type.String({ pattern: '^[^"\\\\\\u0000-\\u001f\\ud800-\\udfff]{1,100}$' })

const Table = Type.Record(Name, Type.Integer({ minimum: 0, maximum: maxAmount }), {
  additionalProperties: false,
  minProperties: 1,
  description: 'With `by`: by the values, and `else` for all others.',
})

function rate(description: string) {
  return Type.Union([Type.Integer({ minimum: 1, maximum: maxAmount }), Table], { description })
}

export const rateFields = {
  credits: Type.Optional(
    rate('Credits for each unit that is started. What costs nothing is `per: free`.'),
  ),
  by: Type.Optional(
    Type.Union([Type.Literal('method'), requestSource('The value')], {
      description:
        'A value of the request that chooses the rate: then `credits` or `perMillion` is a table by its values. A call with a value that is not in it, or without one, is refused, unless the table has `else`.',
    }),
  ),
  tiers: Type.Optional(Tiers),
}

export const proportionalFields = {
  ...rateFields,
  perMillion: Type.Optional(
    rate(
      'Instead of `credits`: credits for a million, in proportion. What a call costs is rounded up once, over all of its components.',
    ),
  ),
}

/** Of tokens, whose kinds can have rates of their own. */
export const tokenRateFields = {
  ...rateFields,
  perMillion: Type.Optional(
    Type.Union(
      [
        Type.Integer({ minimum: 1, maximum: maxAmount }),
        KindRates,
        Type.Record(
          Name,
          Type.Union([Type.Integer({ minimum: 0, maximum: maxAmount }), KindRates]),
          {
            additionalProperties: false,
            minProperties: 1,
            description: 'With `by`: by the values.',
          },
        ),
      ],
      {
        description:
          'Instead of `credits`: credits for a million tokens, in proportion, or a mapping of rates by the kind of token.',
      },
    ),
  ),
}

const AnyRate = closed(tokenRateFields, {})
/** What the rules of all kinds of price have of a rate. */
export type RateFields = Static<typeof AnyRate> & { readonly unit?: number }

/** What a quantity costs. */
export type Rate =
  | { readonly credits: number; readonly unit: number }
  | { readonly perMillion: number }

/** @param by the name in the rule's table. undefined: the rule has no such rate */
export function rateOf(rule: RateFields, by: string | undefined): Rate | undefined {
  const { credits, perMillion, unit = 1 } = rule
  if (credits !== undefined) {
    const each = chosen(credits, by)
    return each === undefined ? undefined : { credits: each, unit }
  }
  const each = isKindRates(perMillion) ? undefined : chosen(perMillion, by)
  return each === undefined ? undefined : { perMillion: each }
}

function chosen(rate: RateFields['perMillion'], by: string | undefined): number | undefined {
  const each = rateUnder(rate, by)
  return typeof each === 'number' ? each : undefined
}

/** The rates by kind of token that the rule has; undefined where it has none. */
export function kindRatesOf({ perMillion, by: chooser }: RateFields, by: string | undefined) {
  const rate = chooser === undefined ? perMillion : rateUnder(perMillion, by)
  return isKindRates(rate) ? rate : undefined
}

function rateUnder(rate: RateFields['perMillion'], by: string | undefined) {
  if (typeof rate !== 'object') return rate
  const table = rate as Readonly<Record<string, number | KindRates>>
  return by !== undefined && Object.hasOwn(table, by) ? table[by] : undefined
}

/** The names of the rule's table; none where it has none. */
export function tableNames({ by, credits, perMillion }: RateFields): string[] {
  const table = credits ?? perMillion
  return by !== undefined && typeof table === 'object' ? Object.keys(table) : []
}

/** The name for all values that are not in a table. */
export const otherwise = 'else'

/** The name in the rule's table that the request's value finds; undefined where there is none. */
export function nameInTable(rule: RateFields, request: RequestContent): string | undefined {
  const table = rule.credits ?? rule.perMillion
  if (rule.by === undefined || typeof table !== 'object') return undefined
  const value = rule.by === 'method' ? request.method : valueInRequest(rule.by, request)
  const isName =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  if (isName && Object.hasOwn(table, String(value))) return String(value)
  return Object.hasOwn(table, otherwise) ? otherwise : undefined
}

/** What is wrong with a rule's rate on its route. */
export function rateFaults(rule: RateFields, route: PriceableRoute, needsUnit: boolean): Fault[] {
  const { credits, perMillion, unit, by, tiers } = rule
  const path = (field: string) => ['price', field]
  if (tiers !== undefined) return faultsOfTiers(rule, tiers)
  if (credits !== undefined && perMillion !== undefined) {
    return [{ path: path('perMillion'), message: 'expected exactly one of credits or perMillion' }]
  }
  const field = perMillion === undefined ? 'credits' : 'perMillion'
  const rate = credits ?? perMillion
  if (rate === undefined) {
    return [{ path: path(field), message: `missing, expected an integer from 1 to ${maxAmount}` }]
  }
  const faults: Fault[] = []
  if (needsUnit && credits !== undefined && unit === undefined) {
    faults.push({
      path: path('unit'),
      message: 'missing, expected an integer from 1 to 2147483647',
    })
  }
  if (perMillion !== undefined && unit !== undefined) {
    faults.push({ path: path('unit'), message: 'has no effect on what is priced per million' })
  }
  const isTable = isMapping(rate) && (by !== undefined || !isKindRates(perMillion))
  if (isTable !== (by !== undefined)) {
    const message =
      by === undefined
        ? 'is a table, and `by` says what chooses in it'
        : `needs a table in \`${field}\``
    faults.push({ path: path(by === undefined ? field : 'by'), message })
  }
  if (by === undefined) return faults
  return [
    ...faults,
    ...(by === 'method'
      ? methodFaults(rule, route)
      : [...readableInRequest(route, path('by'), by), ...valueFaults(rule, route, by)]),
  ]
}

function faultsOfTiers(rule: RateFields, tiers: Tiers): Fault[] {
  const others = ['credits', 'perMillion', 'unit', 'by'] as const
  const surplus = others.filter((field) => rule[field] !== undefined)
  return [
    ...surplus.map((field) => ({ path: ['price', field], message: surplusOfTiers[field] })),
    ...tierFaults(tiers).map((fault) => ({ ...fault, path: ['price', 'tiers', ...fault.path] })),
  ]
}

const surplusOfTiers = {
  credits: 'stands in each of the tiers',
  perMillion: 'stands in each of the tiers',
  unit: 'has no effect on tiers: `perMillion` in them is proportional',
  by: 'cannot choose among tiers, which go by the volume of the month alone',
}

/** Where the schema lists the values, the table has a rate for each of them, and for nothing else. */
function valueFaults(rule: RateFields, route: PriceableRoute, by: RequestSource): Fault[] {
  const values = valuesInRequest(route, by)
  if (values === undefined) return []
  const listed = values.filter((value) => value !== null).map(String)
  const names = tableNames(rule)
  const path = ['price', 'by']
  const missing = names.includes(otherwise) ? [] : listed.filter((value) => !names.includes(value))
  const surplus = names.filter((name) => name !== otherwise && !listed.includes(name))
  return [
    ...missing.map((value) => ({
      path,
      message: `the table has no ${value}, which ${sourceText(by)} can be`,
    })),
    ...surplus.map((name) => ({
      path,
      message: `the table has ${name}, which ${sourceText(by)} cannot be`,
    })),
  ]
}

function methodFaults(rule: RateFields, route: PriceableRoute): Fault[] {
  const names = tableNames(rule)
  if (names.includes(otherwise)) return []
  return methodsOf(route)
    .filter((method) => !names.includes(method))
    .map((method) => ({ path: ['price', 'by'], message: `the table has no ${method}` }))
}

/**
 * What a rule costs, in words.
 * @param one such as `for each item`
 * @param many what is counted: `items`
 * @param of where it is counted: ` of the request`
 * @param scale how credits are shown
 */
export function rateText(
  rule: RateFields,
  one: string,
  many: string,
  of = '',
  scale?: CreditScale,
): string {
  const { credits, perMillion, unit, by, tiers } = rule
  if (tiers !== undefined) {
    const each = tiers[0]?.perMillion === undefined ? one : `per million ${many}`
    return `${tiersText(tiers, scale)} ${each}${of}`
  }
  const rate = credits ?? perMillion ?? 0
  const each =
    credits === undefined
      ? `per million ${many}${of}`
      : unit === undefined
        ? `${one}${of}`
        : `for each started ${numberText(unit)} ${many}${of}`
  if (typeof rate === 'number') return `${creditsText(rate, scale)} ${each}`
  if (by === undefined) return `${valueText(rate as KindRates, scale)} ${each}`
  const rates = Object.entries(rate)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, rate]) => `${name} ${valueText(rate as number | KindRates, scale)}`)
  return `${rates.join(', ')} ${each}, by ${byText(by)}`
}

/** `2 credits`, `(input 4 credits, output 8 credits)` */
function valueText(rate: number | KindRates, scale: CreditScale | undefined): string {
  if (typeof rate === 'number') return creditsText(rate, scale)
  const kinds = Object.entries(rate).map(([kind, of]) => `${kind} ${creditsText(of, scale)}`)
  return `(${kinds.join(', ')})`
}

function byText(by: RateFields['by']): string {
  return by === undefined || by === 'method' ? 'method' : sourceMarkdown(by)
}
