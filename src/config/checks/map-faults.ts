/** Whether the fields that a `map` takes are in the request. */
import type { Fault } from '../../lib/fault.ts'
import type { Route } from '../file/route.ts'
import { unknownName } from './unknown-name.ts'

export function mapFaults({ map, request }: Route): Fault[] {
  if (map === undefined) return []
  if (request === undefined || request === 'any' || !('json' in request)) {
    return [{ path: ['map'], message: 'maps the fields of a JSON body, so request.json is needed' }]
  }
  if (request.json === 'any') return []
  const properties = request.json.properties
  if (typeof properties !== 'object' || properties === null) return []
  const ours = Object.keys(properties)
  return Object.entries(map).flatMap(([theirs, source]) =>
    typeof source === 'string'
      ? unknownName(['map', theirs], 'field of request.json', source, ours)
      : unknownName(['map', theirs, 'from'], 'field of request.json', source.from, ours),
  )
}
