/**
 * Whether the price of a route finds what it counts. What is held must be certain to be in the request, or a call
 * would be free. What is charged is compared with the documented response.
 */
import { maxAmount } from '../../events/bounds.ts'
import type { Fault } from '../lib/fault.ts'
import { isPassedOn } from './charge-condition.ts'
import { wantFaults } from './condition.ts'
import { isSaidInEvents, mostOf, readsResponse } from './counting.ts'
import { inResponse, optionalInRequest } from './pointer-checks.ts'
import { creditsUpTo } from './price-arithmetic.ts'
import {
  type Component,
  componentsOf,
  isFree,
  isList,
  isMeteredComponent,
  kindOf,
  meteredComponent,
} from './price-rule.ts'
import { valuesOf } from './priced-parts.ts'
import type { PricedRoute } from './priced-route.ts'
import { rateFaults, tableNames } from './rate.ts'

/**
 * What is wrong with a route's price, and at which of its fields.
 * @param maxBytes how large a request's body may be
 */
export function priceFaults(route: PricedRoute, maxBytes: number): Fault[] {
  const faults = [...componentFaults(route), ...listFaults(route)]
  return [
    ...faults,
    // What a call can cost is known where nothing else is wrong.
    ...(faults.length > 0 ? [] : amountFaults(route, maxBytes)),
    ...streamFaults(route),
    ...conditionFaults(route),
  ]
}

function componentFaults(route: PricedRoute): Fault[] {
  const { price } = route
  return componentsOf(price).flatMap((component, index) => {
    const kind = kindOf(component)
    return [
      ...rateFaults(component, route, kind.inUnits),
      ...tieredKindFaults(component),
      ...kind.findFaults(component, route),
    ].map((fault) => (isList(price) ? atComponent(fault, index) : fault))
  })
}

/** A hold of so much as is not counted yet would have to grow by a price that other calls change meanwhile. */
function tieredKindFaults(component: Component): Fault[] {
  if (component.tiers === undefined) return []
  if (component.per !== 'second' && !isMeteredComponent(component)) return []
  const when = component.per === 'second' ? 'after the call was held' : 'while the response is sent'
  return [{ path: ['price', 'tiers'], message: `cannot be of what is counted ${when}` }]
}

/** A fault that a component's kind found in the price is one of the component's place in the list. */
function atComponent({ path: [field, ...rest], ...fault }: Fault, index: number): Fault {
  return { ...fault, path: field === 'price' ? ['price', index, ...rest] : [field ?? '', ...rest] }
}

/** What does not fit together in a list of components. */
function listFaults({ price }: PricedRoute): Fault[] {
  if (!isList(price)) return []
  const [first] = price.filter(({ by }) => by !== undefined)
  const names = new Set(price.map(({ name }) => name))
  const metered = price.filter(isMeteredComponent)
  const tiered = price.filter(({ tiers }) => tiers !== undefined)
  const faults = price.flatMap((component, index): Fault[] => {
    const at = (field: string, message: string) => [{ path: ['price', index, field], message }]
    const { name, by } = component
    if (!names.delete(name)) return at('name', 'names another component, too')
    if (component.tiers !== undefined && component !== tiered[0]) {
      return at('tiers', 'are those of a second component, and one can have them')
    }
    if (component.tiers !== undefined && metered.length > 0) {
      return at(
        'tiers',
        'cannot stand beside a component that is metered while the response is sent',
      )
    }
    if (isMeteredComponent(component) && component !== metered[0]) {
      return at(
        'per',
        'is the second component that is metered while the response is sent, and one can be',
      )
    }
    if (metered.length > 0 && component.per === 'second') {
      return at('per', 'cannot stand beside a component that is metered while the response is sent')
    }
    if (first === undefined || by === undefined || component === first) return []
    if (!Bun.deepEquals(by, first.by)) return at('by', 'all tables of a price go by the same value')
    const [wanted, got] = [tableNames(first), tableNames(component)]
    const missing = wanted.filter((value) => !got.includes(value))
    const surplus = got.filter((value) => !wanted.includes(value))
    const [different] = [...missing, ...surplus]
    if (different === undefined) return []
    return at(
      'by',
      `all tables of a price have the same names, and ${different} stands in one alone`,
    )
  })
  const isByPiece = meteredComponent(price)?.per === 'byte'
  if (isByPiece && readsResponse({ price })) {
    const message = 'counts in the JSON of a response whose bytes are sold, and which is not read'
    faults.push({ path: ['price'], message })
  }
  return faults
}

/** A call that the ledger never sells would be refused only when somebody makes it. */
function amountFaults(route: PricedRoute, maxBytes: number): Fault[] {
  const { price } = route
  const values = valuesOf(price)
  const isAffordable = (values.length === 0 ? [undefined] : values).every((by) => {
    const counted = mostOf(price, by, (component) =>
      kindOf(component).maxQuantity(component, route, maxBytes),
    )
    return creditsUpTo(price, counted, maxAmount + 1) <= maxAmount
  })
  if (isAffordable) return []
  const message = `a call that the route admits can cost more than ${maxAmount.toLocaleString('en')} credits, the most that one call can`
  const path = isList(price)
    ? ['price']
    : ['price', ['tiers', 'perMillion'].find((field) => field in price) ?? 'credits']
  return [{ path, message: `${message}: lower the price, or admit less` }]
}

function streamFaults(route: PricedRoute): Fault[] {
  if (route.streams === undefined) return []
  if (meteredComponent(route.price)?.per !== 'token') {
    return [{ path: ['streams'], message: 'has an effect on a price per token only' }]
  }
  const { when } = route.streams
  if (when === 'always') return []
  return [
    ...wantFaults(when, ['streams', 'when']),
    ...optionalInRequest(route, ['streams', 'when', 'pointer'], when.pointer),
  ]
}

function conditionFaults(route: PricedRoute): Fault[] {
  const { chargeWhen, conditional = false, price } = route
  const faults: Fault[] = []
  if (conditional && readsResponse(route)) {
    const message = 'a part of a response cannot be read as JSON, which its price needs'
    faults.push({ path: ['conditional'], message })
  }
  if (chargeWhen === undefined) return faults
  if ('pointer' in chargeWhen) {
    faults.push(...wantFaults(chargeWhen, ['chargeWhen']))
    return [...faults, ...inResponse(route, ['chargeWhen', 'pointer'], chargeWhen.pointer)]
  }
  if (isFree(price) && !('event' in chargeWhen)) {
    faults.push({ path: ['chargeWhen'], message: 'has no effect on what is free' })
  }
  if (
    'header' in chargeWhen &&
    (chargeWhen.equals === undefined) === (chargeWhen.not === undefined)
  ) {
    faults.push({ path: ['chargeWhen'], message: 'expected exactly one of equals or not' })
  }
  const isByEvent = meteredComponent(price)?.per === 'token' || isSaidInEvents(route)
  if ('event' in chargeWhen && !isByEvent) {
    const message =
      'looks at the events of a stream, which a price per token has, or one for a quantity that they say'
    faults.push({ path: ['chargeWhen', 'event'], message })
  }
  const statuses = 'status' in chargeWhen ? chargeWhen.status : []
  return [
    ...faults,
    ...statuses.flatMap((status, index): Fault[] =>
      isPassedOn(status, route)
        ? []
        : [{ path: ['chargeWhen', 'status', index], message: reachesNoClient(status) }],
    ),
  ]
}

function reachesNoClient(status: number): string {
  const canPass = isPassedOn(status, { passStatuses: [status] })
  return `${status} reaches no client${canPass ? ', unless `passStatuses` lists it' : ''}`
}
