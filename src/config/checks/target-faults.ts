/** Whether a route says what responds to it: an upstream, or the file itself. */
import type { Fault } from '../../lib/fault.ts'
import type { ConfigFile } from '../file/file-schema.ts'
import type { Route } from '../file/route.ts'
import { unknownName } from './unknown-name.ts'

export function targetFaults(route: Route, file: ConfigFile): Fault[] {
  if (Object.hasOwn(route, 'fixedResponse')) {
    const useless = (
      [
        ...(['service', 'upstreamPath', 'map', 'chargeWhen', 'passStatuses'] as const),
        ...(['conditional', 'timeoutMs'] as const),
      ] as const
    ).filter((field) => route[field] !== undefined)
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
  return [...unknownName(['service'], 'service', route.service, Object.keys(file.services))]
}
