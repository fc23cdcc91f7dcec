/** Paths of upstreams that end with a slash, where the public ones do not. */
import { expect, test } from 'bun:test'
import type { Route } from '../../src/config/config.ts'
import { routeTable } from '../../src/proxy/request/route-table.ts'
import { Locations } from '../../src/proxy/upstream/locations.ts'
import { parse, withChange } from '../support/small-config.ts'

function routesWith(...paths: readonly (readonly [path: string, upstreamPath: string])[]): Route[] {
  const { routes } = parse(
    withChange(
      'routes:\n',
      `routes:\n${paths
        .map(
          ([path, upstreamPath], i) =>
            `  r${i}: { method: GET, path: '${path}', upstreamPath: '${upstreamPath}', summary: S, service: echo, price: { per: free } }\n`,
        )
        .join('')}`,
    ),
  )
  return Object.values(routes)
}

function upstreamPathOf(routes: Route[], path: string): string | undefined {
  const found = routeTable(routes).find(new Request(`http://gateway${path}`))
  const target = found.ok ? found.readTarget() : undefined
  return target && 'upstreamPath' in target ? target.upstreamPath : undefined
}

const routes = routesWith(['/v1/pets', '/api/pets/'], ['/v1/pets/{id}/toys', '/api/{id}/toys/'])

test('a path of the upstream may end with a slash', () => {
  expect(upstreamPathOf(routes, '/v1/pets')).toBe('/api/pets/')
  expect(upstreamPathOf(routes, '/v1/pets/7/toys')).toBe('/api/7/toys/')
  expect(upstreamPathOf(routes, '/v1/pets/')).toBeUndefined()
})

test('a public path may not, nor may what follows a tail', () => {
  expect(() => routesWith(['/v1/pets/', '/pets'])).toThrow('a segment is empty')
  expect(() => routesWith(['/v1/pets', '/pets//'])).toThrow('a segment is empty')
  expect(() => routesWith(['/v1/{a*}', '/pets/{a*}/'])).toThrow('stands for the rest of the path')
})

test('a place of the upstream that ends with a slash is that of the route, and what is under it is under the route', () => {
  const locations = new Locations(['http://127.0.0.1:9'], routes)
  const publicPathOf = (value: string) =>
    locations.of(value, 'http://127.0.0.1:9/api/pets/', routes[0] as Route)
  expect(publicPathOf('/api/pets/')).toBe('/v1/pets')
  expect(publicPathOf('/api/7/toys/?page=2')).toBe('/v1/pets/7/toys?page=2')
  expect(publicPathOf('/api/pets/7')).toBe('/v1/pets/7')
  expect(publicPathOf('/api/elsewhere')).toBeUndefined()
})
