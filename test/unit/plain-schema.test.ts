/** A schema that is compiled later must be one that can be: whatever is plain, Ajv takes. */
import { describe, expect, test } from 'bun:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import { isPlainSchema } from '../../src/config/plain-schema.ts'

const ajv = new Ajv2020({ strictTypes: false, strictTuples: false, logger: false })
addFormats.default(ajv)
ajv.addSchema({ type: 'string' }, 'tollbook:known')

const known = {
  isFormat: (name: string) => Object.hasOwn(ajv.formats, name),
  isReference: (ref: string) => ref === 'tollbook:known',
}

function canBeCompiled(schema: object): boolean {
  try {
    ajv.compile(schema)
    return true
  } catch {
    return false
  }
}

const scalar = fc.oneof(
  fc.constantFrom(0, 1, -1, 2.5, Number.POSITIVE_INFINITY, '', 'a', '[', '\\-', true, false, null),
  fc.constantFrom('string', 'array', 'date-time', 'iban', 'tollbook:known', '#/nowhere'),
)
const keywords = [
  ...['type', 'enum', 'const', 'required', 'dependentRequired', 'multipleOf', 'minimum', 'maximum'],
  ...[
    'exclusiveMinimum',
    'minLength',
    'maxItems',
    'minContains',
    'uniqueItems',
    'title',
    'default',
  ],
  ...[
    'examples',
    'readOnly',
    'contentMediaType',
    'pattern',
    'format',
    '$ref',
    'items',
    'not',
    'if',
  ],
  ...['then', 'else', 'contains', 'additionalProperties', 'allOf', 'prefixItems', 'properties'],
  ...['patternProperties', 'dependentSchemas', 'unevaluatedProperties', 'nullable', 'maxLenght'],
  ...['$id', '$defs', 'discriminator', 'additionalItems', 'propertyNames', 'description'],
]
const { schema } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.array(tie('schema'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b', '^a'), tie('schema'), { maxKeys: 2 }),
    tie('schema'),
  ),
  schema: fc.dictionary(fc.constantFrom(...keywords), tie('value'), { maxKeys: 3 }),
}))

test('whatever is plain can be compiled', () => {
  let plain = 0
  fc.assert(
    fc.property(schema, (each) => {
      if (!isPlainSchema(each, known)) return
      plain++
      expect([canBeCompiled(each as object), each]).toEqual([true, each])
    }),
    { numRuns: 3_000 },
  )
  expect(plain).toBeGreaterThan(100)
})

describe('is plain:', () => {
  test.each([
    [{ type: 'object', required: ['a'], properties: { a: { type: ['string', 'null'] } } }],
    [{ type: 'array', items: { $ref: 'tollbook:known' }, maxItems: 3 }],
    [{ oneOf: [{ const: null }, { enum: [1] }, true], examples: [1], description: 'One' }],
    [{ type: 'string', pattern: '^a$', format: 'date-time', minLength: 0 }],
    [{ if: { minLength: 1 }, else: false, contains: {}, minContains: 2 }],
  ])('%j', (each) => {
    expect(isPlainSchema(each, known)).toBe(true)
  })
})

test('one that refers to itself is not', () => {
  const circular: Record<string, unknown> = {}
  circular.items = circular
  expect(isPlainSchema(circular, known)).toBe(false)
})
