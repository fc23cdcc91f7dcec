/** Whether the parts of tollbook.yaml fit together, which a schema cannot say. */

import { didYouMean } from '../lib/did-you-mean.ts'
import type { Fault } from '../lib/fault.ts'
import { priceFaults } from '../pricing/price-checks.ts'
import { isMetered } from '../pricing/price-rule.ts'
import { either, printValue } from './config-error.ts'
import { defaults } from './defaults.ts'
import type { ConfigFile, Route } from './file-schema.ts'
import { schemaCheck } from './json-schema.ts'

/** Paths under /v1 that the gateway serves itself. */
const ownPaths = /^\/v1\/(key|key\/revoke|prices|charges(\/.*)?)$/

/**
 * The faults of a file. Routes and plans that do not fit the schema are left out (`isSound` is false for them), so
 * that one run reports all that can be known.
 */
export function semanticFaults(
  file: ConfigFile,
  isSound: (section: 'routes' | 'plans', name: string) => boolean,
): Fault[] {
  const routes = Object.entries(file.routes).filter(([id]) => isSound('routes', id))
  const plans = Object.entries(file.plans).filter(([name]) => isSound('plans', name))
  const permissions = permissionsOf(file)
  return [
    ...routes.flatMap(([id, route]) => inside(['routes', id], routeFaults(route, file))),
    ...samePathFaults(routes),
    ...plans.flatMap(([name, { endpoints }]) =>
      inside(['plans', name, 'endpoints'], endpointFaults(endpoints, permissions)),
    ),
    ...unknownName(['defaultPlan'], 'plan', file.defaultPlan, Object.keys(file.plans)),
    ...holdSecondsFaults(file, routes),
  ]
}

function routeFaults(route: Route, file: ConfigFile): Fault[] {
  return [
    ...targetFaults(route, file),
    ...(ownPaths.test(route.path)
      ? [{ path: ['path'], message: `${route.path} is served by the gateway itself` }]
      : []),
    ...requestFaults(route),
    ...mapFaults(route),
    ...priceFaults(route, maxBodyBytes(route, file)),
  ]
}

/** As load-config.ts has it. */
function maxBodyBytes({ request, ...route }: Route, { limits }: ConfigFile): number {
  if (request && 'multipart' in request) return request.multipart.maxBytes
  return route.maxBodyBytes ?? limits?.maxBodyBytes ?? defaults.limits.maxBodyBytes
}

function targetFaults(route: Route, file: ConfigFile): Fault[] {
  if (Object.hasOwn(route, 'fixedResponse')) {
    const useless = (['service', 'upstreamPath', 'map', 'chargeWhen', 'timeoutMs'] as const).filter(
      (field) => route[field] !== undefined,
    )
    return [
      ...useless.map((field) => ({
        path: [field],
        message: 'a route with a `fixedResponse` calls no upstream',
      })),
      ...(route.permission === undefined
        ? [{ path: ['permission'], message: 'missing, there is no service whose name it could be' }]
        : []),
    ]
  }
  if (route.service === undefined) {
    return [{ path: ['service'], message: 'missing, a route has a `service` or a `fixedResponse`' }]
  }
  return [
    ...unknownName(['service'], 'service', route.service, Object.keys(file.services)),
    ...(route.upstreamPath === undefined
      ? [{ path: ['upstreamPath'], message: 'missing, expected a path such as /api/search' }]
      : []),
  ]
}

function requestFaults({ method, request, response, maxBodyBytes }: Route): Fault[] {
  const faults: Fault[] = []
  if (method === 'GET' && request !== undefined) {
    faults.push({ path: ['request'], message: 'a GET takes no body' })
  }
  if (request && 'json' in request) {
    faults.push(...jsonSchemaFaults(['request', 'json'], request.json))
  }
  if (request && 'multipart' in request) {
    faults.push(...jsonSchemaFaults(['request', 'multipart', 'fields'], request.multipart.fields))
    if (maxBodyBytes !== undefined) {
      const message = 'has no effect on a form, set request.multipart.maxBytes'
      faults.push({ path: ['maxBodyBytes'], message })
    }
  }
  if (response && 'json' in response) {
    faults.push(...jsonSchemaFaults(['response', 'json'], response.json))
  }
  return faults
}

function jsonSchemaFaults(path: string[], schema: Record<string, unknown> | undefined): Fault[] {
  if (schema === undefined) return []
  try {
    schemaCheck(schema)
    return []
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return [{ path, message: `not a JSON Schema: ${reason}` }]
  }
}

function mapFaults({ map, request }: Route): Fault[] {
  if (map === undefined) return []
  if (!request || !('json' in request)) {
    return [{ path: ['map'], message: 'maps the fields of a JSON body, so request.json is needed' }]
  }
  const properties = request.json.properties
  if (typeof properties !== 'object' || properties === null) return []
  const ours = Object.keys(properties)
  return Object.entries(map).flatMap(([theirs, source]) =>
    typeof source === 'string'
      ? unknownName(['map', theirs], 'field of request.json', source, ours)
      : unknownName(['map', theirs, 'from'], 'field of request.json', source.from, ours),
  )
}

function samePathFaults(routes: readonly [string, Route][]): Fault[] {
  const owners = new Map<string, string>()
  return routes.flatMap(([id, { method, path }]) => {
    const owner = owners.get(`${method} ${path}`)
    if (owner === undefined) owners.set(`${method} ${path}`, id)
    return owner === undefined
      ? []
      : [{ path: ['routes', id, 'path'], message: `${method} ${path} is routes.${owner} already` }]
  })
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

function unknownName(
  path: (string | number)[],
  kind: string,
  name: string,
  known: readonly string[],
): Fault[] {
  if (known.includes(name)) return []
  const guess = didYouMean(name, known)
  const hint = guess === undefined ? `expected ${either(known)}` : `did you mean ${guess}?`
  return [{ path, message: `no such ${kind}: ${printValue(name)}, ${hint}` }]
}

function inside(path: (string | number)[], faults: readonly Fault[]): Fault[] {
  return faults.map((fault) => ({ ...fault, path: [...path, ...fault.path] }))
}
