/**
 * What `provider` says of a route, written into it: where its price is per token, how its usage, its text and its streams
 * are read. What the route says itself stays.
 */
import { isMapping } from '../lib/is-mapping.ts'
import { mapValues } from '../lib/map-values.ts'
import { dereferenced } from '../lib/named-schemas.ts'
import { hasKindRates } from '../pricing/token-kinds.ts'
import type { Provider } from '../providers/provider.ts'
import { providers } from '../providers/providers.ts'

/** @param file as it was read: what does not look like a route with a provider is left as it is, to be found faulty */
export function withProviderDefaults(file: object): object {
  const { routes } = file as { readonly routes?: unknown }
  return isMapping(routes) ? { ...file, routes: mapValues(routes, completeRoute) } : file
}

function completeRoute(route: unknown): unknown {
  if (!isMapping(route)) return route
  const components = Array.isArray(route.price) ? route.price : [route.price]
  const provider = providerNamed(route.provider)
  if (!provider || !components.some(isTokenPrice)) return route
  const { streams } = provider.ofTokenRoutes
  const complete = (component: unknown) => withSettle(component, provider.ofTokenRoutes)
  const price = Array.isArray(route.price) ? route.price.map(complete) : complete(route.price)
  return streams && canStream(route.request) ? { streams, ...route, price } : { ...route, price }
}

function isTokenPrice(component: unknown): component is Record<string, unknown> {
  return isMapping(component) && component.per === 'token'
}

function withSettle(component: unknown, { settle, kinds }: Provider['ofTokenRoutes']): unknown {
  if (!isTokenPrice(component)) return component
  const given = component.settle ?? {}
  if (!isMapping(given)) return component
  // What the price has no use for does not stand in it: a tariff is what was written, and no more.
  const isSaid = settle.usage !== undefined || 'usage' in given
  const ofKinds = hasKindRates(component.perMillion) || !isSaid ? { kinds } : {}
  return { ...component, settle: { ...settle, ...ofKinds, ...given } }
}

function providerNamed(name: unknown): Provider | undefined {
  const isKnown = typeof name === 'string' && Object.hasOwn(providers, name)
  return isKnown ? providers[name as keyof typeof providers] : undefined
}

/** Whether a request of the route can say `stream`: an embedding's cannot. */
function canStream(request: unknown): boolean {
  if (!isMapping(request) || !('json' in request)) return false
  const { json } = request
  const { properties } = isMapping(json) ? dereferenced(json) : {}
  return !isMapping(properties) || 'stream' in properties
}
