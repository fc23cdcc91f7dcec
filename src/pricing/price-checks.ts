/**
 * Whether the price of a route finds what it counts. What is held must be certain to be in the request, or a call
 * would be free. What is charged is compared with the documented response.
 */
import type { Fault } from '../lib/fault.ts'
import { inResponse, optionalInRequest } from './pointer-checks.ts'
import { kindOf } from './price-rule.ts'
import type { PricedRoute } from './priced-route.ts'

/** What is wrong with a route's price, and at which of its fields. */
export function priceFaults(route: PricedRoute): Fault[] {
  return [
    ...kindOf(route.price).findFaults(route.price, route),
    ...streamFaults(route),
    ...conditionFaults(route),
  ]
}

function streamFaults(route: PricedRoute): Fault[] {
  if (route.streams === undefined) return []
  if (route.price.per !== 'token') {
    return [{ path: ['streams'], message: 'has an effect on a price per token only' }]
  }
  return optionalInRequest(route, ['streams', 'when', 'pointer'], route.streams.when.pointer)
}

function conditionFaults(route: PricedRoute): Fault[] {
  if (route.chargeWhen === undefined) return []
  return inResponse(route, ['chargeWhen', 'pointer'], route.chargeWhen.pointer)
}
