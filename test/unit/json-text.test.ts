import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isMapping } from '../../src/lib/is-mapping.ts'
import { fieldTexts, layOver } from '../../src/lib/json-text.ts'

describe('a document that something is laid over', () => {
  test('keeps every other byte', () => {
    const sent = '{ "seed" : 9007199254740993,\n\t"t":1.0, "e": 1e2 , "name":"\\u00e4\\/" }'
    expect(layOver(sent, { more: [1] })).toBe(
      '{ "seed" : 9007199254740993,\n\t"t":1.0, "e": 1e2 , "name":"\\u00e4\\/","more":[1] }',
    )
  })

  test('has a value replaced where it stands', () => {
    expect(layOver('{"a": 1.0 , "b":[ 2,{} ]\n,"c":3}', { b: { x: null } })).toBe(
      '{"a": 1.0 , "b":{"x":null}\n,"c":3}',
    )
  })

  test('has objects merged where they stand', () => {
    const sent = '{"o": {"usage" : false, "id": 12345678901234567890}, "z":1}'
    expect(layOver(sent, { o: { usage: true, new: 'x' } })).toBe(
      '{"o": {"usage" : true, "id": 12345678901234567890,"new":"x"}, "z":1}',
    )
  })

  test('is edited by what its names mean, however they are written', () => {
    expect(layOver('{"\\u0061\\"": 1}', { 'a"': 2 })).toBe('{"\\u0061\\"": 2}')
  })

  test('is replaced where either is no object', () => {
    expect(layOver('[1.0]', { a: 1 })).toBe('{"a":1}')
    expect(layOver('{"a": {"b": 1.0}}', { a: null })).toBe('{"a": null}')
    expect(layOver('{"a": null}', { a: { b: 1 } })).toBe('{"a": {"b":1}}')
  })

  test('is the same text where it said the same already', () => {
    const sent = '{ "o" : { "usage" : true } }'
    expect(layOver(sent, { o: { usage: true } })).toBe(sent)
  })
})

test('the texts of fields are those of their values alone', () => {
  const texts = fieldTexts(' {"a":\t-1.50E+3 ,"b" : {"c": "}\\\\" } , "d":[true,"]"],"e":null}\n')
  expect([...texts]).toEqual([
    ['a', '-1.50E+3'],
    ['b', '{"c": "}\\\\" }'],
    ['d', '[true,"]"]'],
    ['e', 'null'],
  ])
  for (const none of ['{ }', '[{"a":1}]', '"{"', '7', 'null']) expect(fieldTexts(none).size).toBe(0)
})

/** Documents are made as trees, so that what an edit should give is known without reading any text. */
describe('of any document', () => {
  test('the fields are those that a parser finds, and each text is that of its value', () => {
    fc.assert(
      fc.property(documents, ({ tree, text }) => {
        expect([...fieldTexts(text)]).toEqual(
          tree.fields.map(({ name, value }) => [name, print(value)]),
        )
        const parsed = JSON.parse(text)
        for (const [name, source] of fieldTexts(text)) {
          expect(JSON.parse(source)).toEqual(parsed[name])
        }
      }),
      { numRuns: 500 },
    )
  })

  test('what is laid over it changes that, and no other byte', () => {
    fc.assert(
      fc.property(documents, overs, ({ tree, text, before, after }, over) => {
        const edited = layOver(text, over)
        expect(edited).toBe(before + print(laid(tree, over)) + after)
        expect(JSON.parse(edited)).toEqual(merged(JSON.parse(text), over))
      }),
      { numRuns: 2_000 },
    )
  })
})

/** A value as its text, or an object by its fields. */
type Tree = string | ObjectTree

interface ObjectTree {
  readonly fields: readonly FieldTree[]
  /** White space before each comma, and before the closing brace. */
  readonly gap: string
  readonly end: string
}

interface FieldTree {
  readonly name: string
  /** All before the value: white space, the name as it is written, the colon. */
  readonly head: string
  readonly value: Tree
}

function print(tree: Tree): string {
  if (typeof tree === 'string') return tree
  const { fields, gap, end } = tree
  let text = ''
  for (const [index, { head, value }] of fields.entries()) {
    text += `${index > 0 && !head.startsWith(',') ? `${gap},` : ''}${head}${print(value)}`
  }
  return `{${text}${end}}`
}

function laid(tree: Tree, over: unknown): Tree {
  if (typeof tree === 'string' || !isMapping(over)) return JSON.stringify(over)
  const fields = tree.fields.map((field) =>
    Object.hasOwn(over, field.name)
      ? { ...field, value: laid(field.value, over[field.name]) }
      : field,
  )
  for (const [name, value] of Object.entries(over)) {
    if (fields.some((field) => field.name === name)) continue
    const head = `${fields.length > 0 ? ',' : ''}${JSON.stringify(name)}:`
    fields.push({ name, head, value: JSON.stringify(value) })
  }
  return { ...tree, fields }
}

function merged(json: unknown, over: unknown): unknown {
  if (!isMapping(json) || !isMapping(over)) return over
  const result = new Map(Object.entries(json))
  for (const [name, value] of Object.entries(over)) {
    result.set(name, result.has(name) ? merged(result.get(name), value) : value)
  }
  return Object.fromEntries(result)
}

const space = fc.constantFrom('', '', ' ', '\n', '\t ', '\r\n')
const names = fc.constantFrom('a', 'b', 'ab', 'a"', '\\', 'ä', '😀', '{', ':', ',', '')

/** A string's JSON, with none, some or all of its characters escaped. */
const strings = (values: fc.Arbitrary<string>) =>
  fc.tuple(values, fc.nat(3)).map(([value, every]) => ({ value, text: quoted(value, every) }))

function quoted(value: string, every: number): string {
  const units = value.split('').map((unit, index) => {
    if (every > 0 && index % every === 0) return hexEscape(unit)
    return unit < ' ' || unit === '"' || unit === '\\' ? hexEscape(unit) : unit
  })
  return `"${units.join('')}"`
}

const hexEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

const { objects } = fc.letrec<{ values: Tree; objects: ObjectTree; lists: string }>((tie) => ({
  values: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('null', 'true', '0', '-0', '1.0', '-1.50E+3', '1e2', '9007199254740993'),
    strings(fc.oneof(names, fc.string())).map(({ text }) => text),
    tie('objects'),
    tie('lists'),
  ),
  objects: fc.record({
    fields: fc.uniqueArray(
      fc
        .tuple(strings(names), tie('values'), space, space, space)
        .map(([{ value: name, text }, value, before, between, after]) => {
          return { name, value, head: `${before}${text}${between}:${after}` }
        }),
      { selector: ({ name }) => name, maxLength: 5 },
    ),
    gap: space,
    end: space,
  }),
  lists: fc
    .tuple(fc.array(tie('values'), { maxLength: 4 }), space)
    .map(([items, gap]) => `[${gap}${items.map(print).join(`${gap},`)}]`),
}))

const documents = fc.record({ tree: objects, before: space, after: space }).map((document) => ({
  ...document,
  text: document.before + print(document.tree) + document.after,
}))

/** What a configuration can lay over requests. */
const overs = fc.dictionary(
  names,
  fc.oneof(
    fc.constantFrom<unknown>(true, null, 'x', 7, [1, { a: 1 }]),
    fc.dictionary(names, fc.oneof(fc.constant('y'), fc.dictionary(names, fc.boolean()))),
  ),
  { maxKeys: 4, noNullPrototype: true },
)
