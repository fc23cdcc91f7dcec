/** Which names may not stand beside one that the price counts. */
import { describe, expect, test } from 'bun:test'
import { lookalikeFinder } from '../../src/pricing/lookalike-names.ts'

const integer = { type: 'integer' }
const open = { type: 'object', properties: { max_n: integer, n: integer }, required: ['n'] }

const found = (schema: object, pointer: string, json: unknown) =>
  lookalikeFinder(schema as Record<string, unknown>, [pointer])?.(json)?.pointer

describe('beside a counted field', () => {
  test.each([
    ...[
      'N',
      ' n',
      'n ',
      'n\t',
      'n\0',
      'n\0x',
      'n[]',
      'n[0]',
      '[n]',
      'n.x',
      '.n',
      'n_',
      'ｎ',
      'n;x',
    ],
    ...['n"', '\u200bn', '\ufeffn'],
  ])('%j is another name for it', (name) => {
    expect(found(open, '/n', { n: 1, [name]: 10 })).toBe(`/${name}`)
  })

  test.each(['nn', 'm', 'name', 'x[n]', 'a.n', '', '__', 'н', 'n2'])(
    '%j is a name of its own',
    (name) => {
      expect(found(open, '/n', { n: 1, [name]: 10 })).toBeUndefined()
    },
  )

  test.each(['maxN', 'max-n', 'max.n', 'max n', 'MAX_N', 'maxn'])(
    '%j is written otherwise',
    (name) => {
      expect(found(open, '/max_n', { n: 1, max_n: 1, [name]: 10 })).toBe(`/${name}`)
    },
  )

  test.each([
    ['Kelvin', 'k', '\u212a'],
    ['long s', 's', '\u017f'],
  ])('the %s sign reads as its letter', (_, name, other) => {
    const schema = { type: 'object', properties: { [name]: integer } }
    expect(found(schema, `/${name}`, { [name]: 1, [other]: 10 })).toBe(`/${other}`)
  })

  test('names that the schema lists are the operator’s to explain', () => {
    const listed = { type: 'object', properties: { n: integer, N: integer } }
    expect(found(listed, '/n', { n: 1, N: 10 })).toBeUndefined()
    expect(found(listed, '/n', { n: 1, 'n ': 10 })).toBe('/n ')
  })

  test('they count where the counted field is missing, too', () => {
    expect(found(open, '/max_n', { n: 1, MaxN: 10 })).toBe('/MaxN')
  })
})

describe('objects on the way', () => {
  const closed = { ...open, additionalProperties: false }
  const inside = (schema: object, more: object = {}) => ({
    ...{ type: 'object', properties: { deep: schema }, ...more },
  })

  test('are looked at each', () => {
    expect(found(inside(open), '/deep/n', { deep: { n: 1, N: 1 } })).toBe('/deep/N')
    expect(found(inside(closed), '/deep/n', { deep: { n: 1 }, Deep: { n: 10 } })).toBe('/Deep')
    const outside = { additionalProperties: false }
    expect(found(inside(open, outside), '/deep/n', { deep: { n: 1, N: 1 } })).toBe('/deep/N')
    expect(found(inside(open), '/deep/n', { deep: { n: 1 }, other: { N: 1 } })).toBeUndefined()
  })

  test('cost nothing where all are closed, or nothing is counted', () => {
    const all = inside(closed, { additionalProperties: false })
    expect(lookalikeFinder(all, ['/deep/n'])).toBeUndefined()
    expect(lookalikeFinder(open, [])).toBeUndefined()
    const patterned = { ...closed, patternProperties: { '^N$': {} } }
    expect(lookalikeFinder(patterned, ['/n'])).toBeDefined()
  })

  test('that are none, or lists, have no names', () => {
    for (const deep of [undefined, null, 1, 'n', [{ N: 1 }]]) {
      expect(found(inside(open), '/deep/n', { deep })).toBeUndefined()
    }
  })
})
