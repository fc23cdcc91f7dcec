/**
 * Prices of a plan's own. They replace the rates of a route's price, and what is counted stays: what they leave out of that is
 * written into them, so that a tariff has each of them whole.
 */
import type { Fault } from '../lib/fault.ts'
import { isMapping } from '../lib/is-mapping.ts'
import { mapValues } from '../lib/map-values.ts'
import { type Component, isFree, isList, type PriceRule } from '../pricing/price-rule.ts'
import { isKindRates } from '../pricing/token-kinds.ts'
import { unknownName } from './checks/unknown-name.ts'
import type { ConfigFile } from './file/file-schema.ts'
import type { Route } from './file/route.ts'

/** The fields of a component that say what it costs, and not what it counts. */
const rateFields = ['credits', 'perMillion', 'unit', 'tiers', 'by', 'catalogue'] as const

/** @param file as it was read: what does not look like a plan's price of a route is left as it is, to be found faulty */
export function withPlanPrices(file: object): object {
  const { plans, routes } = file as { readonly plans?: unknown; readonly routes?: unknown }
  if (!isMapping(plans) || !isMapping(routes)) return file
  return {
    ...file,
    plans: mapValues(plans, (plan) => {
      if (!isMapping(plan) || !isMapping(plan.prices)) return plan
      const prices = mapValues(plan.prices, (given, id) => {
        const route = Object.hasOwn(routes, id) ? routes[id] : undefined
        return isMapping(route) ? completed(given, route.price) : given
      })
      return { ...plan, prices }
    }),
  }
}

function completed(given: unknown, own: unknown): unknown {
  if (!Array.isArray(given)) return completedComponent(given, own)
  const components: readonly unknown[] = Array.isArray(own) ? own : []
  return given.map((component) =>
    completedComponent(
      component,
      components.find((of) => isMapping(of) && isMapping(component) && of.name === component.name),
    ),
  )
}

function completedComponent(given: unknown, own: unknown): unknown {
  if (!isMapping(given) || !isMapping(own) || given.per !== own.per) return given
  const counts = Object.entries(own).filter(([field]) => !isRateField(field))
  const rate = given.credits ?? given.perMillion
  const isTable = isMapping(rate) && (given.by !== undefined || !isKindRates(given.perMillion))
  const by = isTable && own.by !== undefined ? { by: own.by } : {}
  return { ...Object.fromEntries(counts), ...by, ...given }
}

function isRateField(field: string): boolean {
  return rateFields.some((name) => name === field)
}

/**
 * What is wrong with the prices of a plan, with the path inside of it.
 * @param faultsOf what is wrong with a price on its route
 */
export function planPriceFaults(
  { prices = {} }: ConfigFile['plans'][string],
  routes: Readonly<Record<string, Route>>,
  isSound: (route: string) => boolean,
  faultsOf: (route: Route) => Fault[],
): Fault[] {
  return Object.entries(prices).flatMap(([id, price]): Fault[] => {
    const path = ['prices', id]
    const route = Object.hasOwn(routes, id) ? routes[id] : undefined
    if (!route) return unknownName(path, 'route', id, Object.keys(routes))
    if (!isSound(id)) return []
    if (!isFree(price) && !countsAlike(price, route.price)) {
      const message = `counts otherwise than routes.${id}.price: a plan has rates of its own, and counts the same`
      return [{ path, message }]
    }
    return faultsOf({ ...route, price })
      .filter((fault) => fault.path[0] === 'price')
      .map((fault) => ({ ...fault, path: [...path, ...fault.path.slice(1)] }))
  })
}

function countsAlike(one: PriceRule, other: PriceRule): boolean {
  if (isFree(one) || isFree(other)) return false
  if (!isList(one) || !isList(other)) {
    return !isList(one) && !isList(other) && componentsCountAlike(one, other)
  }
  const others = new Map(other.map((component) => [component.name, component]))
  return (
    one.length === other.length &&
    one.every((component) => {
      const same = others.get(component.name)
      return same !== undefined && componentsCountAlike(component, same)
    })
  )
}

/** What chooses a rate is read as in the route's own price, where it is read at all. */
function componentsCountAlike(one: Component, other: Component): boolean {
  const isChosenAlike = one.by === undefined || Bun.deepEquals(one.by, other.by)
  return isChosenAlike && Bun.deepEquals(countsOf(one), countsOf(other))
}

function countsOf(component: Component): object {
  return Object.fromEntries(Object.entries(component).filter(([field]) => !isRateField(field)))
}
