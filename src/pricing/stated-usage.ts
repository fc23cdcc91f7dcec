/**
 * What a response, or an event of a stream, says of the tokens that a call used: in all, and by kind. Numbers of a stream are
 * cumulative: an event may say only some of them, and those that were said before still stand.
 */
import type { Parts } from '../../events/counted.ts'
import { valueAt } from '../lib/json-pointer.ts'
import { maxTokens } from './rule-fields.ts'
import type { TokenPrice } from './rules/per-token.ts'
import { type KindPointers, sumOf, tokenKinds } from './token-kinds.ts'

type Settle = Pick<TokenPrice['settle'], 'usage' | 'kinds'>

export interface StatedUsage {
  /** Of request and response together. */
  readonly tokens: number
  /** The same by kind; undefined where nobody asks for kinds, or those that are said cannot be meant. */
  readonly kinds: Parts | undefined
}

/**
 * The usage that is stated by now. undefined where there is none: no total, or without a place for it, not both wholes.
 * @param before what `saidKinds` gave for the events before
 */
export function statedUsage(
  { usage, kinds: pointers }: Settle,
  json: unknown,
  before?: Parts,
): StatedUsage | undefined {
  const own = pointers && saidKinds(pointers, json)
  const all = own && largestOf(before, own)
  if (usage === undefined) {
    // What says no kind is no usage, whatever was said before it.
    const isSaid = own !== undefined && Object.keys(own).length > 0
    const kinds = isSaid && pointers && all ? disjoint(pointers, all) : undefined
    const tokens = kinds && sumOf(kinds, tokenKinds)
    return tokens !== undefined && tokens <= maxTokens ? { tokens, kinds } : undefined
  }
  const tokens = valueAt(json, usage)
  if (!isCount(tokens) || tokens > maxTokens) return undefined
  const kinds = [all, own]
    .map((said) => pointers && said && disjoint(pointers, { input: 0, output: 0, ...said }))
    .find((of) => of && sumOf(of, tokenKinds) === tokens)
  return { tokens, kinds }
}

/** The numbers as they are said, of which one may contain another. undefined: one of them is no count. */
export function saidKinds(pointers: KindPointers, json: unknown): Parts | undefined {
  const said: Record<string, number> = {}
  for (const kind of tokenKinds) {
    for (const at of [pointers[kind] ?? []].flat()) {
      const value = valueAt(json, at) ?? undefined
      if (value === undefined) continue
      if (!isCount(value)) return undefined
      said[kind] = (said[kind] ?? 0) + value
    }
  }
  return said
}

/** What both say, where it is cumulative: of each kind the larger number. */
export function largestOf(before: Parts | undefined, said: Parts): Parts {
  const all: Record<string, number> = { ...before, ...said }
  for (const [kind, of] of Object.entries(before ?? {})) all[kind] = Math.max(of, all[kind] ?? 0)
  return all
}

/** The request's tokens by kind, where they are said. */
export function statedRequest(pointers: KindPointers, said: Parts): Parts | undefined {
  const { input, cached = 0, cacheWrite = 0 } = said
  if (input === undefined) return undefined
  const { output: _, ...ofRequest } =
    disjoint(pointers, { input, cached, cacheWrite, output: 0 }) ?? {}
  return ofRequest.input === undefined ? undefined : ofRequest
}

/** Kinds none of which contains another. undefined where a whole is missing, or smaller than its parts. */
function disjoint(pointers: KindPointers, said: Parts): Parts | undefined {
  if (said.input === undefined || said.output === undefined) return undefined
  const kinds: Record<string, number> = { ...said }
  for (const kind of pointers.contained) {
    const whole = kind === 'reasoning' ? 'output' : 'input'
    kinds[whole] = (kinds[whole] ?? 0) - (kinds[kind] ?? 0)
  }
  if (Object.values(kinds).some((of) => of < 0)) return undefined
  const isSaid = ([kind, of]: [string, number]) => of > 0 || kind === 'input' || kind === 'output'
  return Object.fromEntries(Object.entries(kinds).filter(isSaid))
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
