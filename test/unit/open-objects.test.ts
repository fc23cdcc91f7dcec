/** Which objects of the document say that they take other fields. */
import { expect, test } from 'bun:test'
import { withOpenObjects } from '../../src/http/openapi/open-objects.ts'

const open = { type: 'object', additionalProperties: true }

test('every object that may have other fields says so, wherever it stands', () => {
  const object = { type: 'object' }
  const schema = {
    ...{ type: 'object', properties: { type: object, list: { type: 'array', items: object } } },
    ...{ anyOf: [object, { type: ['object', 'null'] }, { type: 'string' }] },
  }
  expect(withOpenObjects({ schema })).toEqual({
    schema: {
      ...open,
      properties: { type: open, list: { type: 'array', items: open } },
      anyOf: [open, { ...open, type: ['object', 'null'] }, { type: 'string' }],
    },
  })
})

test('what an object says of other fields stays, and data is no schema', () => {
  const schema = {
    type: 'object',
    additionalProperties: { type: 'string' },
    properties: { closed: { type: 'object', additionalProperties: false } },
    examples: [{ type: 'object' }],
    const: { type: 'object' },
  }
  expect(withOpenObjects({ schema })).toEqual({ schema })
})

test('objects that are closed from outside are not opened, through references neither', () => {
  const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
  const schemas = {
    closing: { allOf: [{ type: 'object' }, ref('part')], unevaluatedProperties: false },
    part: { type: 'object', properties: { inner: ref('inner') } },
    inner: { type: 'object' },
  }
  expect(withOpenObjects({ ...schemas, other: { type: 'object' } })).toEqual({
    ...schemas,
    other: open,
  })
})
