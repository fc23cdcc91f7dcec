/** JSON Schemas that stand once in tollbook.yaml and are used by many routes. */
import { describe, expect, test } from 'bun:test'
import type { Route } from '../../src/config/config.ts'
import { ConfigError, printProblem } from '../../src/config/config-error.ts'
import { schemaCheck } from '../../src/config/json-schema.ts'
import { callsDocument } from '../../src/http/openapi/openapi-calls.ts'
import { parse, smallConfig } from '../support/small-config.ts'

const ref = (name: string) => `{ $ref: '#/schemas/${name}' }`
const own = '{ type: object, required: [text], properties: { text: { type: string } } }'

const schemas = `schemas:
  Say:
    type: object
    required: [text, to]
    properties: { text: ${ref('Text')}, to: ${ref('Person')} }
  Text: { type: string, maxLength: 5, examples: [Hello] }
  # Refers to itself, and has a field with the name of a keyword.
  Person: { type: object, properties: { default: ${ref('Text')}, friend: ${ref('Person')} } }
`

function withSchemas(text = schemas, config = smallConfig): string {
  return `${text}${config.replace(own, ref('Say'))}`
}

function bodyFaults(route: Route | undefined, body: unknown) {
  const { request } = route ?? {}
  if (!request || !('json' in request)) throw new Error('no JSON')
  return schemaCheck(request.json)(body, true)
}

function problemsOf(text: string): string[] {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(printProblem)
    throw error
  }
  return []
}

describe('a named schema', () => {
  const config = parse(withSchemas())

  test('is checked wherever it is referred to, in other named schemas and in itself', () => {
    const sound = { text: 'Hi', to: { default: 'Ann', friend: { friend: {} } } }
    expect(bodyFaults(config.routes.say, sound)).toEqual([])
    const faulty = { text: 'too long', to: { friend: { friend: { default: 7 } } } }
    expect(bodyFaults(config.routes.say, faulty).map(({ pointer }) => pointer)).toEqual([
      '/text',
      '/to/friend/friend/default',
    ])
  })

  test('is found by a price that counts in it', () => {
    const priced = (pointer: string) =>
      withSchemas().replace(
        '{ per: request, credits: 1 }',
        `{ per: character, unit: 1, credits: 1, hold: { text: ${pointer} } }`,
      )
    expect(problemsOf(priced('/text'))).toEqual([])
    expect(problemsOf(priced('/to'))[0]).toInclude('/to must be a required string of request.json')
  })

  test('stands once in the API documentation, and its examples are used', () => {
    const document = callsDocument(config)
    expect(document.schemas.Person).toEqual({
      type: 'object',
      properties: {
        default: { $ref: '#/components/schemas/Text' },
        friend: { $ref: '#/components/schemas/Person' },
      },
    })
    expect(document.schemas['say.request']).toEqual({ $ref: '#/components/schemas/Say' })
    const say = document.paths['/v1/say']?.post as { requestBody: { content: object } }
    expect(say.requestBody.content).toHaveProperty(['application/json', 'example', 'text'], 'Hello')
  })

  test('that two files name alike is two schemas', () => {
    const other = parse(withSchemas(schemas.replace('maxLength: 5', 'maxLength: 50')))
    const body = { text: 'a longer one', to: {} }
    expect(bodyFaults(other.routes.say, body)).toEqual([])
    expect(bodyFaults(config.routes.say, body)).toHaveLength(1)
  })

  test('that is not there is named, with its like', () => {
    expect(problemsOf(`${schemas}${smallConfig.replace(own, ref('Sey'))}`)).toEqual([
      'routes.say.request.json.$ref: no such schema: "Sey", did you mean Say?',
    ])
  })

  test('that is not a schema is a fault of its own', () => {
    const faulty = schemas.replace('maxLength: 5', 'maxLenght: 5')
    expect(problemsOf(withSchemas(faulty)).join('\n')).toInclude('schemas.Text')
  })
})
