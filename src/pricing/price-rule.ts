/**
 * How a call is priced: the one list of all kinds of price. A rule stands in the tariff, and so in the ledger,
 * exactly as its schema says. It must suffice to price a recorded quantity again years later, without the
 * configuration that it came from.
 *
 * Every rule says what is counted, what a unit costs and, where the request does not fix the count, what is held
 * before the call.
 */
import { type Static, Type } from '@sinclair/typebox'
import type { PriceKind } from './price-kind.ts'
import { BytePrice, isOfResponse, perByte, type ResponseBytePrice } from './rules/per-byte.ts'
import { CharacterPrice, perCharacter } from './rules/per-character.ts'
import { FreePrice, perFree } from './rules/per-free.ts'
import { ItemPrice, perItem } from './rules/per-item.ts'
import { perRequest, RequestPrice } from './rules/per-request.ts'
import { perSecond, SecondPrice } from './rules/per-second.ts'
import { perToken, TokenPrice } from './rules/per-token.ts'

export const PriceRule = Type.Union(
  [FreePrice, RequestPrice, ItemPrice, CharacterPrice, SecondPrice, TokenPrice, BytePrice],
  { sample: '{ per: request, credits: 10 }', description: 'What a call costs.' },
)

export type PriceRule = Static<typeof PriceRule>

/** By `per`. A kind that is in only one of the two lists is a type error. */
const kinds: { readonly [Per in PriceRule['per']]: PriceKind<Extract<PriceRule, { per: Per }>> } = {
  free: perFree,
  request: perRequest,
  item: perItem,
  character: perCharacter,
  second: perSecond,
  token: perToken,
  byte: perByte,
}

/** The kind of a rule. Give its methods this rule only: each kind knows its own. */
export function kindOf(rule: PriceRule): PriceKind<PriceRule> {
  return kinds[rule.per]
}

export type MeteredPrice = TokenPrice | ResponseBytePrice

/** Whether a call is metered along the way: its hold grows with its response. */
export function isMetered(rule: PriceRule): rule is MeteredPrice {
  return rule.per === 'token' || (rule.per === 'byte' && isOfResponse(rule))
}
