/** Whether the parts of tollbook.yaml fit together, which a schema cannot say. */

import type { Fault } from '../lib/fault.ts'
import { printableFault } from '../lib/printable-text.ts'
import { priceFaults } from '../pricing/price-checks.ts'
import { isMetered } from '../pricing/price-rule.ts'
import type { PricedRoute } from '../pricing/priced-route.ts'
import { jsonSchemaFaults } from './checks/json-schema-faults.ts'
import { mapFaults } from './checks/map-faults.ts'
import { methodFaults } from './checks/method-faults.ts'
import { parameterFaults } from './checks/parameter-faults.ts'
import { pathFaults, samePathFaults } from './checks/path-faults.ts'
import { currencyFaults, defaultPlanFaults, planFaults } from './checks/plan-faults.ts'
import { planLimitFaults, routeLimitFaults } from './checks/rate-limit-faults.ts'
import { maxBodyBytes, requestFaults } from './checks/request-faults.ts'
import { sellerFaults } from './checks/seller-faults.ts'
import { keyHeaderFaults, ownParameterFaults, serviceFaults } from './checks/service-faults.ts'
import { targetFaults } from './checks/target-faults.ts'
import { unknownName } from './checks/unknown-name.ts'
import { defaults } from './defaults.ts'
import type { ConfigFile } from './file/file-schema.ts'
import type { Route } from './file/route.ts'
import { operationIdFaults } from './operation-ids.ts'
import { planPriceFaults } from './plan-prices.ts'
import { routeBodyOf } from './route-body-of.ts'

/**
 * The faults of a file. Services, routes and plans that do not fit the schema are left out (`isSound` is false for them), so
 * that one run reports all that can be known.
 */
export function semanticFaults(
  file: ConfigFile,
  isSound: (section: 'routes' | 'plans' | 'services', name: string) => boolean,
): Fault[] {
  const routes = Object.entries(file.routes).filter(([id]) => isSound('routes', id))
  const plans = Object.entries(file.plans).filter(([name]) => isSound('plans', name))
  const services = Object.entries(file.services).filter(([name]) => isSound('services', name))
  const permissions = permissionsOf(file)
  const { gateways = defaults.gateways } = file
  return [
    ...services.flatMap(([name, service]) => inside(['services', name], serviceFaults(service))),
    ...keyHeaderFaults(file),
    ...(file.seller ? inside(['seller'], sellerFaults(file.seller)) : []),
    ...Object.entries(file.schemas ?? {}).flatMap(([name, schema]) =>
      jsonSchemaFaults(['schemas', name], schema),
    ),
    ...routes.flatMap(([id, route]) => inside(['routes', id], routeFaults(route, file))),
    ...routes.flatMap(([id, route]) =>
      inside(['routes', id], routeLimitFaults(id, route, gateways)),
    ),
    ...samePathFaults(routes),
    ...operationIdFaults(routes),
    ...plans.flatMap(([name, { endpoints }]) =>
      inside(['plans', name, 'endpoints'], endpointFaults(endpoints, permissions)),
    ),
    ...plans.flatMap(([name, plan]) => inside(['plans', name], planFaults(plan))),
    ...plans.flatMap(([name, plan]) =>
      inside(['plans', name], planLimitFaults(plan, routes, gateways)),
    ),
    ...plans.flatMap(([name, plan]) => inside(['plans', name], pricesFaults(plan, file, isSound))),
    ...currencyFaults(plans),
    ...defaultPlanFaults(file.defaultPlan, file.plans),
    ...unknownName(['defaultPlan'], 'plan', file.defaultPlan, Object.keys(file.plans)),
    ...holdSecondsFaults(file, routes),
  ]
}

function routeFaults(route: Route, file: ConfigFile): Fault[] {
  return [
    ...targetFaults(route, file),
    ...ownParameterFaults(route, file),
    ...methodFaults(route),
    ...pathFaults(route),
    ...parameterFaults(route),
    ...requestFaults(route),
    ...mapFaults(route),
    ...summaryFaults(route),
    ...priceFaults(pricedRoute(route), maxBodyBytes(route, file)),
  ]
}

function pricesFaults(
  plan: ConfigFile['plans'][string],
  file: ConfigFile,
  isSound: (section: 'routes', name: string) => boolean,
): Fault[] {
  return planPriceFaults(
    plan,
    file.routes,
    (id) => isSound('routes', id),
    (route) => priceFaults(pricedRoute(route), maxBodyBytes(route, file)),
  )
}

/** It is printed at terminals and in the API documentation. */
function summaryFaults({ summary }: Route): Fault[] {
  const message = printableFault(summary)
  return message === undefined ? [] : [{ path: ['summary'], message }]
}

/** As load-config.ts has it. */
function pricedRoute({ request, ...route }: Route): PricedRoute {
  return request === undefined ? route : { ...route, request: routeBodyOf(request) }
}

function endpointFaults(endpoints: 'all' | string[], permissions: readonly string[]): Fault[] {
  if (endpoints === 'all') return []
  return endpoints.flatMap((endpoint, index) =>
    unknownName([index], 'permission', endpoint, permissions),
  )
}

/** Also of routes that do not fit the schema, so that plans which name them are not blamed. */
function permissionsOf(file: ConfigFile): string[] {
  const names = Object.values(file.routes).map(
    (route: Partial<Route> | null) => route?.permission ?? route?.service,
  )
  return [...new Set(names.filter((name) => typeof name === 'string'))]
}

/**
 * A hold that expires while its call runs could not be settled, and the response would be lost. Calls that are metered
 * along the way extend theirs.
 */
function holdSecondsFaults(file: ConfigFile, routes: readonly [string, Route][]): Fault[] {
  const { holdSeconds, upstreamTimeoutMs } = { ...defaults.limits, ...file.limits }
  const timeoutsMs = routes
    .filter(([, { price }]) => !isMetered(price))
    .map(([, route]) => route.timeoutMs ?? upstreamTimeoutMs)
  const longestSeconds = Math.ceil(Math.max(upstreamTimeoutMs, ...timeoutsMs) / 1000)
  if (holdSeconds > longestSeconds) return []
  const message = `expected more than the longest timeout, ${longestSeconds} s, got ${holdSeconds}`
  return [{ path: ['limits', 'holdSeconds'], message }]
}

function inside(path: (string | number)[], faults: readonly Fault[]): Fault[] {
  return faults.map((fault) => ({ ...fault, path: [...path, ...fault.path] }))
}
