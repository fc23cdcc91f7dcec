/**
 * Whether the price of a route finds what it counts. What is held must be certain to be in the request, or a call
 * would be free. What is charged is compared with the documented response.
 */
import { maxAmount } from '../../events/bounds.ts'
import type { Fault } from '../lib/fault.ts'
import { isPassedOn } from './charge-condition.ts'
import { wantFaults } from './condition.ts'
import { inResponse, optionalInRequest } from './pointer-checks.ts'
import { creditsUpTo, readsResponse } from './price-arithmetic.ts'
import { kindOf } from './price-rule.ts'
import type { PricedRoute } from './priced-route.ts'

/**
 * What is wrong with a route's price, and at which of its fields.
 * @param maxBytes how large a request's body may be
 */
export function priceFaults(route: PricedRoute, maxBytes: number): Fault[] {
  return [
    ...kindOf(route.price).findFaults(route.price, route),
    ...amountFaults(route, maxBytes),
    ...streamFaults(route),
    ...conditionFaults(route),
  ]
}

/** A call that the ledger never sells would be refused only when somebody makes it. */
function amountFaults(route: PricedRoute, maxBytes: number): Fault[] {
  const { price } = route
  const quantity = kindOf(price).maxQuantity(price, route, maxBytes)
  if (creditsUpTo(price, quantity, maxAmount + 1) <= maxAmount) return []
  const message = `a call that the route admits can cost more than ${maxAmount.toLocaleString('en')} credits, the most that one call can`
  return [{ path: ['price', 'credits'], message: `${message}: lower the price, or admit less` }]
}

function streamFaults(route: PricedRoute): Fault[] {
  if (route.streams === undefined) return []
  if (route.price.per !== 'token') {
    return [{ path: ['streams'], message: 'has an effect on a price per token only' }]
  }
  const { when } = route.streams
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
  if (price.per === 'free' && !('event' in chargeWhen)) {
    faults.push({ path: ['chargeWhen'], message: 'has no effect on what is free' })
  }
  if (
    'header' in chargeWhen &&
    (chargeWhen.equals === undefined) === (chargeWhen.not === undefined)
  ) {
    faults.push({ path: ['chargeWhen'], message: 'expected exactly one of equals or not' })
  }
  if ('event' in chargeWhen && price.per !== 'token') {
    const message = 'looks at the events of a stream, which a price per token has'
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
