/** A line of JSON in a YAML file is read as JSON, and means what it means to a reader of YAML. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { readYaml } from '../../src/config/yaml-file.ts'
import { takeJsonLines } from '../../src/config/yaml-json-lines.ts'

/** Long enough to be worth it. */
const long = 'x'.repeat(250)
const json = JSON.stringify({
  $ref: '#/schemas/Pet',
  long,
  n: [1e21, -0.5, null, true, '\u2028 # {'],
})

describe('says the same as YAML:', () => {
  test.each([
    ['a field', `a: ${json}\nb: 1\n`],
    ['fields further in, one with a quoted name', `a:\n  "b c": ${json}\n  $d: ${json}\n`],
    ['a field in braces', `a: {\n  b: ${json}\n  }\n`],
    ['a block of text', `a: |\n  b: ${json}\nc: ${json}\n`],
    ['a folded text', `a: >\n  b: ${json}\n`],
    ['a text in quotes', `a: 'x\n  b: ${json.replaceAll("'", "''")}\n  '\n`],
    ['a comment', `a: 1\n# b: ${json}\n`],
    ['a list', `- a: ${json}\n- ${json}\n`],
    ['no JSON', `a: ${json.replace('"long"', 'long')}\n`],
    ['an anchor and its alias', `a: &x\n  b: ${json}\nc: *x\n`],
  ])('%s', (_, text) => {
    const { value, problems } = readYaml(text)
    expect(problems).toEqual([])
    expect(value).toEqual(parse(text))
  })

  test('any JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ noUnicodeString: false })), (each) => {
        const text = `a: ${JSON.stringify({ ...each, long })}\n`
        expect(readYaml(text).value).toEqual(parse(text))
      }),
    )
  })
})

test('a field that stands twice in it is a fault, with its line', () => {
  const { problems } = readYaml(`a: 1\nb: {"x":1,"x":2,"long":"${long}"}\n`)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatchObject({
    line: 2,
    message: expect.stringContaining('"x" stands twice'),
  })
})

test('what follows on the next line is the fault that it is in YAML', () => {
  expect(readYaml(`a: ${json}\n   more\n`).problems).not.toEqual([])
})

test('a fault elsewhere has its line, and so has a field in it', () => {
  const text = `a: ${json}\nb: [\n`
  expect(readYaml(text).problems[0]?.line).toBeGreaterThanOrEqual(2)
  expect(readYaml(`x: 1\na: ${json}\n`).lineOf(['a', 'long'])).toBe(2)
})

test('short values, and what is no JSON, are left to YAML', () => {
  expect(takeJsonLines('a: {"b":1}\n')).toBeUndefined()
  expect(takeJsonLines(`a: {b: "${long}"}\n`)).toBeUndefined()
  expect(takeJsonLines(`a: ${json}\n`)?.text).not.toInclude(long)
})
