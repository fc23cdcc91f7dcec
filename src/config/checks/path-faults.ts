/** Whether each path means one route. */
import type { Fault } from '../../lib/fault.ts'
import type { Route } from '../file/route.ts'

/** Paths under /v1 that the gateway serves itself. */
const ownPaths = /^\/v1\/(key|key\/revoke|prices|charges(\/.*)?)$/

export function ownPathFaults({ path }: Route): Fault[] {
  return ownPaths.test(path)
    ? [{ path: ['path'], message: `${path} is served by the gateway itself` }]
    : []
}

export function samePathFaults(routes: readonly [string, Route][]): Fault[] {
  const owners = new Map<string, string>()
  return routes.flatMap(([id, { method, path }]) => {
    const owner = owners.get(`${method} ${path}`)
    if (owner === undefined) owners.set(`${method} ${path}`, id)
    return owner === undefined
      ? []
      : [{ path: ['routes', id, 'path'], message: `${method} ${path} is routes.${owner} already` }]
  })
}
