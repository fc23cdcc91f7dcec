/**
 * Kinds of tokens, each with a rate of its own. They are disjoint. Those of the request (input, cached, cacheWrite) are held
 * together at the most expensive of them, and so are those of the response (output, reasoning), of which none is dearer than output: so
 * a hold has two kinds, and grows by one.
 */
import { type Static, Type } from '@sinclair/typebox'
import { maxAmount } from '../../events/bounds.ts'
import type { Counted, Parts } from '../../events/counted.ts'
import type { Fault } from '../lib/fault.ts'
import { isMapping } from '../lib/is-mapping.ts'
import { closed, pointer } from '../lib/schema-fields.ts'

const perMillion = Type.Integer({ minimum: 0, maximum: maxAmount })

export const KindRates = closed(
  {
    input: perMillion,
    cached: Type.Optional(perMillion),
    cacheWrite: Type.Optional(perMillion),
    output: perMillion,
    reasoning: Type.Optional(perMillion),
  },
  {
    description:
      'Rates by the kind of token: of the request `input`, what of it was read from a cache (`cached`) and written to one (`cacheWrite`), each as `input` unless given; of the response `output` and `reasoning`, as `output` unless given.',
  },
)
export type KindRates = Static<typeof KindRates>

const numberAt = Type.Union([pointer, Type.Array(pointer, { minItems: 1, maxItems: 4 })], {
  description: 'Where the number stands; what stands at the places of a list is added up.',
})

/** Where a usage says each kind. */
export const KindPointers = closed(
  {
    input: numberAt,
    cached: Type.Optional(numberAt),
    cacheWrite: Type.Optional(numberAt),
    output: numberAt,
    reasoning: Type.Optional(numberAt),
    contained: Type.Array(
      Type.Union([Type.Literal('cached'), Type.Literal('cacheWrite'), Type.Literal('reasoning')]),
      { description: 'The kinds that the number of all input, or all output, counts, too.' },
    ),
  },
  { description: 'Where the usage says how many tokens of each kind there were.' },
)
export type KindPointers = Static<typeof KindPointers>

type Kind = keyof KindRates
export const requestKinds = ['input', 'cached', 'cacheWrite'] as const satisfies Kind[]
const responseKinds = ['output', 'reasoning'] as const satisfies Kind[]
export const tokenKinds: readonly Kind[] = [...requestKinds, ...responseKinds]

export function isKindRates(rate: unknown): rate is KindRates {
  return isMapping(rate) && 'input' in rate && 'output' in rate
}

/** Whether any rate is by kind. @param perMillion such a rate, or a table of them */
export function hasKindRates(perMillion: unknown): boolean {
  if (!isMapping(perMillion) || isKindRates(perMillion)) return isKindRates(perMillion)
  return Object.values(perMillion).some((rate) => isKindRates(rate))
}

export function rateOfKind(rates: KindRates, kind: Kind): number {
  return rates[kind] ?? (kind === 'reasoning' ? rates.output : rates.input)
}

/** The kind of the request's tokens that costs most: all of them are held as such. */
function mostExpensive(rates: KindRates): Kind {
  return requestKinds.reduce<Kind>(
    (most, kind) => (rateOfKind(rates, kind) > rateOfKind(rates, most) ? kind : most),
    'input',
  )
}

/** What is held for tokens of request and response, by kind. */
export function heldKinds(rates: KindRates, ofRequest: number, ofResponse: number): Parts {
  return { input: 0, [mostExpensive(rates)]: ofRequest, output: ofResponse }
}

/**
 * So many tokens in all, where nobody says of which kind they are: those of the request are as they are held, and all else is
 * output. What says its kinds already stays.
 */
export function kindsInAll(rates: KindRates, kinds: Parts, tokens: number): Parts {
  if (sumOf(kinds, tokenKinds) === tokens) return kinds
  const ofRequest = Math.min(sumOf(kinds, requestKinds), tokens)
  return heldKinds(rates, ofRequest, tokens - ofRequest)
}

export function sumOf(kinds: Parts, of: readonly string[]): number {
  return of.reduce((sum, kind) => sum + (Object.hasOwn(kinds, kind) ? (kinds[kind] ?? 0) : 0), 0)
}

/** What tokens cost, in millionths of a credit. */
export function costOfKinds(rates: KindRates, kinds: Parts): bigint {
  return tokenKinds.reduce(
    (sum, kind) => sum + BigInt(kinds[kind] ?? 0) * BigInt(rateOfKind(rates, kind)),
    0n,
  )
}

/** As many tokens of these as so much buys, the request's first. @param millionths of a credit */
export function affordableKinds(rates: KindRates, kinds: Parts, millionths: bigint): Parts {
  let left = millionths
  const afforded: Record<string, number> = { input: 0, output: 0 }
  for (const kind of tokenKinds) {
    const [wanted, rate] = [kinds[kind] ?? 0, BigInt(rateOfKind(rates, kind))]
    const most = rate === 0n ? BigInt(wanted) : left / rate
    const taken = BigInt(wanted) < most ? BigInt(wanted) : most
    left -= taken * rate
    if (taken > 0n) afforded[kind] = Number(taken)
  }
  return afforded
}

/** Of counted parts those of a component, by kind. @param prefix that the component's kinds have */
export function kindsOf({ parts = {} }: Counted, prefix: string): Parts {
  return Object.fromEntries(
    tokenKinds.flatMap((kind) => {
      const of = Object.hasOwn(parts, prefix + kind) ? parts[prefix + kind] : undefined
      return of === undefined ? [] : [[kind, of]]
    }),
  )
}

/** The counted parts with those of a component replaced. */
export function withKinds(counted: Counted, prefix: string, kinds: Parts): Counted {
  const others = Object.entries(counted.parts ?? {}).filter(
    ([name]) => !tokenKinds.some((kind) => name === prefix + kind),
  )
  const own = Object.entries(kinds).map(([kind, of]) => [prefix + kind, of] as const)
  return {
    ...counted,
    quantity: sumOf(kinds, tokenKinds),
    parts: Object.fromEntries([...others, ...own]),
  }
}

/** What is wrong with rates by kind; nothing where there are none. @param rate `perMillion`, or a rate of its table */
export function kindFaults(rate: unknown, path: Fault['path']): Fault[] {
  if (!isKindRates(rate) || rateOfKind(rate, 'reasoning') <= rate.output) return []
  return [{ path: [...path, 'reasoning'], message: 'more than `output` is not held for it' }]
}
