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
    const difference = isFree(price)
      ? undefined
      : differenceOf(price, route.price, `routes.${id}.price`)
    if (difference) return [{ ...difference, path: [...path, ...difference.path] }]
    return faultsOf({ ...route, price })
      .filter((fault) => fault.path[0] === 'price')
      .map((fault) => ({ ...fault, path: [...path, ...fault.path.slice(1)] }))
  })
}

/** In what a plan's price counts otherwise than that of its route. @param its where the route's price stands */
function differenceOf(price: PriceRule, own: PriceRule, its: string): Fault | undefined {
  if (isFree(own)) {
    const message = `${its} is free, and counts nothing: give the route a price that plans can lower, or leave this one out`
    return { path: [], message }
  }
  if (isFree(price)) return undefined
  if (!isList(price) && !isList(own)) return differenceOfComponents(price, own, its)
  if (!isList(price) || !isList(own)) {
    const expected = isList(own) ? 'a list of components' : 'a price without a list of components'
    return { path: [], message: `expected ${expected}, as ${its}` }
  }
  const names = own.map(({ name }) => name)
  const missing = names.find((name) => !price.some((component) => component.name === name))
  if (missing !== undefined) {
    const message = `lacks the component ${missing} of ${its}: a plan's price has a rate for each of ${names.join(', ')}`
    return { path: [], message }
  }
  for (const [index, component] of price.entries()) {
    const same = own.find(({ name }) => name === component.name)
    if (!same) {
      const message = `${component.name} is no component of ${its}, which has ${names.join(', ')}`
      return { path: [index, 'name'], message }
    }
    const difference = differenceOfComponents(component, same, its)
    if (difference) return { ...difference, path: [index, ...difference.path] }
  }
  return undefined
}

/** What chooses a rate is read as in the route's own price, where it is read at all. */
function differenceOfComponents(one: Component, own: Component, its: string): Fault | undefined {
  const [counts, wanted] = [new Map(countsOf(one)), new Map(countsOf(own))]
  if (one.by !== undefined) {
    counts.set('by', one.by)
    wanted.set('by', own.by)
  }
  const fields = [...new Set([...counts.keys(), ...wanted.keys()])]
  const field = fields.find((name) => !Bun.deepEquals(counts.get(name), wanted.get(name)))
  if (field === undefined) return undefined
  const of = wanted.get(field)
  const expected = of === undefined ? 'nothing' : JSON.stringify(of)
  const message = `expected ${expected}, as in ${its}: a plan has rates of its own, and counts the same`
  return { path: [field], message }
}

function countsOf(component: Component): [string, unknown][] {
  return Object.entries(component).filter(([field]) => !isRateField(field))
}
