/** Whether a route says its methods, once. */
import type { Fault } from '../../lib/fault.ts'
import type { Route } from '../file/route.ts'

export function methodFaults({ method, methods }: Route): Fault[] {
  if (method === undefined && methods === undefined) {
    const message = 'missing, a route has a `method`, or `methods` where there are several'
    return [{ path: ['method'], message }]
  }
  if (method !== undefined && methods !== undefined) {
    return [{ path: ['methods'], message: 'stands beside `method`: name all methods here' }]
  }
  return []
}
