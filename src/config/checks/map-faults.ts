/** Whether the fields that a `map` takes are in the request. */
import type { Fault } from '../../lib/fault.ts'
import { sourceFaults } from '../../pricing/request-source.ts'
import type { Route } from '../file/route.ts'
import { unknownName } from './unknown-name.ts'

export function mapFaults(route: Route): Fault[] {
  const { map, request } = route
  if (map === undefined) return []
  if (request === undefined || request === 'any' || !('json' in request)) {
    return [{ path: ['map'], message: 'maps the fields of a JSON body, so request.json is needed' }]
  }
  const { properties } = request.json === 'any' ? {} : request.json
  const ours =
    typeof properties === 'object' && properties !== null ? Object.keys(properties) : undefined
  const unknownField = (path: string[], field: string) =>
    ours ? unknownName(path, 'field of request.json', field, ours) : []
  return Object.entries(map).flatMap(([theirs, source]) => {
    const path = ['map', theirs]
    if (typeof source === 'string') return unknownField(path, source)
    return 'from' in source
      ? unknownField([...path, 'from'], source.from)
      : sourceFaults(route, path, source)
  })
}
