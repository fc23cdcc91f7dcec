/** Examples that are made of schemas fit them. */
import { expect, test } from 'bun:test'
import { type JsonSchema, schemaCheck } from '../../src/config/json-schema.ts'
import { exampleOf } from '../../src/http/openapi/openapi-example.ts'

const a = { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } }
const b = { type: 'object', required: ['b'], properties: { b: { type: 'string' } } }

const schemas: JsonSchema[] = [
  { type: 'string', minLength: 20 },
  { type: 'string', maxLength: 2 },
  ...[
    'date-time',
    'date',
    'email',
    'uri',
    'uuid',
    'ipv4',
    'ipv6',
    'hostname',
    'byte',
    'duration',
  ].map((format) => ({ type: 'string', format })),
  { type: 'integer', exclusiveMinimum: 5 },
  { type: 'number', maximum: -3 },
  { type: 'integer', multipleOf: 7 },
  { type: 'array', minItems: 3, items: { type: 'string' } },
  { allOf: [a, b] },
  { ...a, allOf: [b] },
  {
    ...a,
    anyOf: [{ required: ['c'] }, b],
    properties: { ...a.properties, c: { type: 'boolean' } },
  },
  { oneOf: [b, a] },
  { type: 'object', required: ['x'] },
  { type: 'object', required: ['x'], additionalProperties: { type: 'integer' } },
  { type: 'object', minProperties: 1, properties: { x: { type: 'boolean' } } },
]

test.each(schemas.map((schema) => [schema] as const))('%j', (schema) => {
  expect(schemaCheck(schema)(exampleOf(schema), true)).toEqual([])
  expect(exampleOf(schema)).toBeDefined()
})
