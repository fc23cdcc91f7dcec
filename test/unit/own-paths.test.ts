/** No route can take a path that the gateway serves itself. */
import { describe, expect, test } from 'bun:test'
import { ConfigError } from '../../src/config/config-error.ts'
import { ownPathOf } from '../../src/config/own-paths.ts'
import { parsePathTemplate } from '../../src/lib/path-template.ts'
import { type AppDeps, createApp } from '../../src/server/app.ts'
import { parse, withChange } from '../support/small-config.ts'
import { testConfig } from '../support/test-config.ts'

const deps = {
  config: testConfig(),
  system: {},
  calls: { customer: {} },
  management: {},
  corsOrigins: [],
}
const served = createApp(deps as unknown as AppDeps)
  .routes.filter(({ method }) => method !== 'ALL')
  .map(({ path }) => path.replace(/:(\w+)/g, '{$1}'))

const problemsOf = (path: string): string => {
  try {
    parse(withChange('path: /v1/say', `path: '${path}'`).replace('    upstreamPath: /say\n', ''))
    return ''
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ message }) => message).join()
  }
}

test('the list of own paths has every path that the app serves', () => {
  expect(served.length).toBeGreaterThan(30)
  expect(served.filter((path) => ownPathOf(parsePathTemplate(path)) === undefined)).toEqual([])
})

describe('a route cannot take', () => {
  test.each([...new Set(served)])('%s', (path) => {
    expect(problemsOf(path)).toContain('served by the gateway itself')
  })

  test.each([
    ['/v1/{word}', '/v1/key'],
    ['/v1/{rest*}', '/v1/key'],
    ['/v1/k{rest}', '/v1/key'],
    ['/v1/{word}/revoke', '/v1/key/revoke'],
    ['/v1/charges/{id}/{rest*}', '/v1/charges/{rest*}'],
  ])('%s, which can mean %s', (path, own) => {
    expect(problemsOf(path)).toBe(`${path} can mean ${own}, which is served by the gateway itself`)
  })
})

test.each(['/v1/say/{id}', '/v1/x{word}', '/gemini/v1beta/{rest*}', '/v2/key', '/healthy'])(
  'a route can take %s',
  (path) => expect(problemsOf(path)).toBe(''),
)
