/** The API documentation breaks none of the recommended rules of the two linters that API teams use. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import spectralCore from '@stoplight/spectral-core'
import spectralRulesets from '@stoplight/spectral-rulesets'
import { Glob } from 'bun'
import type { Config, Route } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/load-config.ts'
import { describedApp } from '../support/described-app.ts'
import { parse, smallConfig, withChange } from '../support/small-config.ts'
import { testConfig } from '../support/test-config.ts'

const project = join(import.meta.dir, '../..')

async function documentOf(config: Config): Promise<string> {
  const response = await describedApp(config).handle(new Request('http://localhost/docs/json'))
  return response.text()
}

const redoclyConfig = await createConfig({ extends: ['recommended'] })
const spectral = new spectralCore.Spectral()
spectral.setRuleset({ extends: [[spectralRulesets.oas, 'recommended']] } as never)

/** What both find, warnings included. */
async function complaintsOn(source: string): Promise<string[]> {
  const byRedocly = await lintFromString({ source, config: redoclyConfig })
  const bySpectral = await spectral.run(JSON.parse(source))
  return [
    ...byRedocly.map(
      ({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer} ${message}`,
    ),
    ...bySpectral.map(({ code, message, path }) => `${code} ${path.join('/')} ${message}`),
  ]
}

test('of the shipped configuration', async () => {
  expect(await complaintsOn(await documentOf(testConfig()))).toEqual([])
})

test('of a configuration that sells next to nothing, and so can refuse little', async () => {
  const [request = ''] = / *request: .*\n/.exec(smallConfig) ?? []
  const fixed = withChange('    service: echo\n    upstreamPath: /say\n', '    fixedResponse: {}\n')
    .replace(request, '')
    .replace('POST', 'GET')
    .replace('{ per: request, credits: 1 }', '{ per: free }\n    permission: echo')
  expect(await complaintsOn(await documentOf(parse(fixed)))).toEqual([])
})

test('of all examples', async () => {
  const files = [...new Glob('examples/*.yaml').scanSync(project)].sort()
  expect(files.length).toBeGreaterThan(10)
  const configs = files.map(exampleConfig)
  const config = {
    ...(configs[0] as Config),
    routes: Object.assign({}, ...configs.map(({ routes }) => routes)) as Config['routes'],
    schemas: Object.assign({}, ...configs.map(({ schemas }) => schemas)),
  }
  const document = await documentOf(config)
  for (const { path } of Object.values(config.routes)) {
    expect(document).toContain(JSON.stringify(path.replace('*}', '}')))
  }
  expect(await complaintsOn(document)).toEqual([])
})

/** An example, with its routes under a path of their own: linting one document takes a second, and eleven take eleven. */
function exampleConfig(file: string): Config {
  const name = basename(file, '.yaml')
  const text = readFileSync(join(project, file), 'utf8')
  const config = parseConfig({ text, source: file, env: {} })
  const routes = Object.entries(config.routes).map(([id, route]): [string, Route] => [
    `${name}-${id}`,
    { ...route, id: `${name}-${id}`, path: `/${name}${route.path}` },
  ])
  return { ...config, routes: Object.fromEntries(routes) }
}

test('and both complain about a name that two operations have', async () => {
  const operation = {
    ...{ operationId: 'check', summary: 'Check', description: 'Checks.', security: [] },
    ...{ responses: { 200: { description: 'Done' }, 400: { description: 'Not' } } },
  }
  const document = {
    ...{ openapi: '3.1.0', servers: [{ url: '/' }] },
    info: {
      title: 'T',
      version: '1',
      description: 'T',
      contact: { name: 'N' },
      license: { name: 'L', identifier: 'X' },
    },
    paths: { '/a': { get: operation }, '/b': { get: operation } },
  }
  const complaints = await complaintsOn(JSON.stringify(document))
  const rules = complaints.map((complaint) => complaint.split(' ')[0])
  expect(rules.filter((rule) => rule === 'operation-operationId-unique')).toHaveLength(2)
})
