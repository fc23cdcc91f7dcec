/**
 * How a call is priced: by one component, or by a list of them that are added up. price-rule.ts has the one list of all kinds
 * of component. A rule stands in the tariff, and so in the ledger, exactly as its schema says. It must suffice to price a
 * recorded call again years later, without the configuration that it came from.
 *
 * Every component says what is counted, what that costs and, where the request does not fix the count, what is held
 * before the call.
 */
import { type Static, type TObject, Type } from '@sinclair/typebox'
import { closed, text } from '../lib/schema-fields.ts'
import type { PriceKind } from './price-kind.ts'
import { BytePrice, isOfResponse, perByte, type ResponseBytePrice } from './rules/per-byte.ts'
import { CharacterPrice, perCharacter } from './rules/per-character.ts'
import { FreePrice, perFree } from './rules/per-free.ts'
import { ItemPrice, perItem } from './rules/per-item.ts'
import { perQuantity, QuantityPrice } from './rules/per-quantity.ts'
import { perRequest, RequestPrice } from './rules/per-request.ts'
import { perSecond, SecondPrice } from './rules/per-second.ts'
import { perToken, TokenPrice } from './rules/per-token.ts'

const name = text(
  '^[a-z][a-zA-Z0-9]{0,39}$',
  'a name of letters and digits, with a small letter first, at most 40',
  "The component's name: calls are recorded under it, so it is given once, and never to something else.",
)

/** What a component can count. */
const componentSchemas = [
  RequestPrice,
  ItemPrice,
  CharacterPrice,
  SecondPrice,
  TokenPrice,
  BytePrice,
  QuantityPrice,
] as const

function named(component: TObject) {
  const { properties, description = '' } = component
  return closed({ name, ...properties }, { description })
}

/** One of a list of components. */
const NamedComponent = Type.Unsafe<NamedComponent>(
  Type.Union(componentSchemas.map(named), {
    sample: '{ name: base, per: request, credits: 10 }',
    description: 'A component of the price.',
  }),
)
export type NamedComponent = Component & { readonly name: string }

const maxComponents = 12

export const PriceRule = Type.Union(
  [
    FreePrice,
    ...componentSchemas,
    Type.Unsafe<readonly NamedComponent[]>(
      Type.Array(NamedComponent, {
        minItems: 1,
        maxItems: maxComponents,
        description: 'Components that are added up.',
      }),
    ),
  ],
  {
    sample: '{ per: request, credits: 10 }',
    description: 'What a call costs: by one component, or by a list of them, which are added up.',
  },
)

export type PriceRule = AnyComponent | readonly NamedComponent[]
type Free = Static<typeof FreePrice>
/** What a price is made of. */
export type Component =
  | Static<typeof RequestPrice>
  | Static<typeof ItemPrice>
  | Static<typeof CharacterPrice>
  | Static<typeof SecondPrice>
  | TokenPrice
  | Static<typeof BytePrice>
  | Static<typeof QuantityPrice>
type AnyComponent = Free | Component

/** By `per`. A kind that is in only one of the two lists is a type error. */
const kinds: {
  readonly [Per in AnyComponent['per']]: PriceKind<Extract<AnyComponent, { per: Per }>>
} = {
  free: perFree,
  request: perRequest,
  item: perItem,
  character: perCharacter,
  second: perSecond,
  token: perToken,
  byte: perByte,
  quantity: perQuantity,
}

/** The kind of a component. Give its methods this component only: each kind knows its own. */
export function kindOf(component: AnyComponent): PriceKind<AnyComponent> {
  return kinds[component.per]
}

/** Whether a call costs nothing, and nothing is held for it. */
export function isFree(price: PriceRule): price is Free {
  return !isList(price) && price.per === 'free'
}

/** A price of one component at one rate, as most are: its quantity is all that a call counts. It is told fast, for every call. */
export function isPlain(price: PriceRule): price is Component {
  return !isList(price) && price.per !== 'free' && typeof price.credits === 'number'
}

/** A price of several components, each of which has a name. */
export function isList(price: PriceRule): price is readonly NamedComponent[] {
  return Array.isArray(price)
}

/** What the price adds up; nothing where it is free. */
export function componentsOf(price: PriceRule): readonly Component[] {
  if (isList(price)) return price
  return price.per === 'free' ? [] : [price]
}

export type MeteredComponent = TokenPrice | ResponseBytePrice

/** The component that is metered along the way, so that the call's hold grows with its response; undefined without one. */
export function meteredComponent(price: PriceRule): MeteredComponent | undefined {
  if (isList(price)) return price.find(isMeteredComponent)
  return price.per !== 'free' && isMeteredComponent(price) ? price : undefined
}

export function isMeteredComponent<C extends Component>(
  component: C,
): component is C & MeteredComponent {
  return component.per === 'token' || (component.per === 'byte' && isOfResponse(component))
}

/** Whether one component of the price is metered. */
export function isMetered(price: PriceRule): boolean {
  return meteredComponent(price) !== undefined
}
