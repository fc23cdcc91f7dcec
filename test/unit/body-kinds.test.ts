/** What a route takes as its body, as tollbook.yaml says it. */
import { describe, expect, test } from 'bun:test'
import { ConfigError, printProblem } from '../../src/config/config-error.ts'
import { schemaCheck } from '../../src/config/json-schema.ts'
import { routeBodyOf } from '../../src/config/route-body-of.ts'
import { parse, withChange } from '../support/small-config.ts'

const json = '{ json: { type: object, required: [text], properties: { text: { type: string } } } }'

/** The small configuration with another body, and with other fields beside it. */
function taking(request: string, ...beside: readonly string[]): string {
  return withChange(`request: ${json}`, [`request: ${request}`, ...beside].join('\n    '))
}

function problemsOf(text: string): string[] {
  try {
    parse(text)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(printProblem)
    throw error
  }
}

describe('a short form means the long one', () => {
  const body = (request: string, ...beside: string[]) =>
    parse(taking(request, ...beside)).routes.say?.request as unknown

  test('json: any', () => {
    expect(body('{ json: any }')).toEqual({ json: {} })
  })

  test('any', () => {
    expect(body('any')).toEqual({ any: true })
  })

  test('a form, whose fields are optional unless they are required', () => {
    const properties = { text: { type: 'string' }, lang: { enum: ['en', 'de'] } }
    const form = '{ form: { text: { type: string }, lang: { enum: [en, de] } } }'
    expect(body(form)).toEqual({
      form: { type: 'object', additionalProperties: false, properties, required: [] },
    })
    expect(body(form.replace(/ }$/, ', required: [text] }'))).toMatchObject({
      form: { required: ['text'] },
    })
  })

  test('a form with one file', () => {
    expect(body('{ multipart: { file: f, types: [audio/*], maxBytes: 9 } }')).toEqual({
      multipart: {
        files: { f: { types: ['audio/*'], maxBytes: 9, optional: false } },
        fields: { type: 'object', additionalProperties: false },
        maxBytes: 9,
      },
    })
  })

  test('a form with several', () => {
    const files =
      '{ a: { types: [image/*], maxBytes: 5 }, b: { types: [image/png], optional: true } }'
    expect(body(`{ multipart: { files: ${files}, maxBytes: 9 } }`)).toMatchObject({
      multipart: {
        files: {
          a: { types: ['image/*'], maxBytes: 5, optional: false },
          b: { types: ['image/png'], maxBytes: 9, optional: true },
        },
        maxBytes: 9,
      },
    })
  })

  test('bytes, whose size the route says', () => {
    const config = parse(taking('{ raw: [image/*] }', 'maxBodyBytes: 7'))
    expect(config.routes.say?.request).toEqual({ raw: ['image/*'] })
    expect(config.routes.say?.maxBodyBytes).toBe(7)
  })
})

describe('a body that makes no sense is a fault', () => {
  const file = '{ types: [image/*] }'
  test.each([
    ['all', 'request: expected any or a mapping, got "all"'],
    ['{ json: all }', 'request.json: expected any or a mapping, got "all"'],
    ['{ json: {}, raw: [a/b] }', 'request: expected exactly one of json, form, multipart or raw'],
    [
      '{ raw: [] }',
      'request.raw: expected a list that is not empty, such as [image/*], got a list',
    ],
    [
      '{ raw: [image] }',
      'request.raw[0]: expected a media type such as audio/mpeg, audio/* or */*, got "image"',
    ],
    [
      '{ raw: [image/*], maxBodyBytes: 5 }',
      'request.maxBodyBytes: does not stand here, but at the route, beside `request`',
    ],
    [
      '{ json: any, maxBodyBytes: 5 }',
      'request.maxBodyBytes: does not stand here, but at the route, beside `request`',
    ],
    [
      '{ form: { text: {} } }',
      'request.form.text: expected a type, an enum or a const: a form carries text',
    ],
    [
      '{ form: { text: { type: object } } }',
      'request.form.text: a form carries texts, numbers, true and false, or lists of them',
    ],
    [
      '{ form: { a: { type: array, items: { type: array, items: { type: string } } } } }',
      'request.form.a: a form carries texts, numbers, true and false, or lists of them',
    ],
    [
      '{ form: { text: { type: string, maxLenght: 5 } } }',
      'request.form.text.maxLenght: no keyword of JSON Schema, did you mean maxLength?',
    ],
    [
      '{ form: { text: { type: string } }, required: [txt] }',
      'request.required[0]: no such field of request.form: "txt", did you mean text?',
    ],
    [
      `{ multipart: { file: a, types: [a/b], files: { a: ${file} }, maxBytes: 9 } }`,
      'request.multipart: expected exactly one of file, types or files',
    ],
    [
      '{ multipart: { files: {}, maxBytes: 9 } }',
      'request.multipart.files: expected a file at least; a form without files is request.form',
    ],
    [
      `{ multipart: { files: { a: { types: [a/b], maxBytes: 10 } }, maxBytes: 9 } }`,
      "request.multipart.files.a.maxBytes: more than the form's, 9",
    ],
    [
      `{ multipart: { files: { a: ${file} }, fields: { properties: { a: {} } }, maxBytes: 9 } }`,
      'request.multipart.fields.properties.a: is a file already',
    ],
    [
      `{ multipart: { files: { a: { types: [a/b], size: 9 } }, maxBytes: 9 } }`,
      'request.multipart.files.a.size: unknown field, known here are types, maxBytes, optional',
    ],
  ])('%p', (request, fault) => {
    expect(problemsOf(taking(request))).toEqual([`routes.say.${fault}`])
  })

  test.each(['any', '{ form: { text: { type: string } } }', '{ raw: [a/b] }'])(
    'map beside %p',
    (request) => {
      expect(problemsOf(taking(request, 'map: { theirs: text }'))).toEqual([
        'routes.say.map: maps the fields of a JSON body, so request.json is needed',
      ])
    },
  )
})

describe('a price of the bytes of a request', () => {
  const priced = (rule: string, request = '{ raw: [a/b] }') =>
    taking(request).replace('{ per: request, credits: 1 }', rule)
  const rule = '{ per: byte, of: request, unit: 1024, credits: 1 }'

  test.each(['{ raw: [a/b] }', 'any', '{ json: any }'])('needs a body such as %p', (request) => {
    expect(problemsOf(priced(rule, request))).toEqual([])
  })

  test('is a fault without one', () => {
    expect(problemsOf(priced(rule).replace('    request: { raw: [a/b] }\n', ''))).toEqual([
      'routes.say.price.of: the route takes no body: it has no request',
    ])
  })

  test('holds all of it, and one of the response a step', () => {
    expect(problemsOf(priced(rule.replace(' }', ', hold: { step: 9 } }')))).toEqual([
      'routes.say.price.hold: has no effect on a price of the request, all of whose bytes are held',
    ])
    expect(problemsOf(priced(rule.replace('request', 'response')))).toEqual([
      'routes.say.price.hold: missing, expected a mapping',
    ])
    expect(problemsOf(priced(rule.replace('of: request', 'of: both')))).toEqual([
      'routes.say.price.of: expected request or response, got "both"',
    ])
  })
})

describe('a price counts in the fields of a form', () => {
  const priced = (request: string) =>
    taking(request).replace(
      '{ per: request, credits: 1 }',
      '{ per: character, unit: 1, credits: 1, hold: { text: /text } }',
    )
  const fields = '{ type: object, required: [text], properties: { text: { type: string } } }'

  test.each([
    '{ form: { text: { type: string } }, required: [text] }',
    `{ multipart: { file: f, types: [a/b], maxBytes: 9, fields: ${fields} } }`,
  ])('%p', (request) => {
    expect(problemsOf(priced(request))).toEqual([])
  })

  test('that every form has', () => {
    expect(problemsOf(priced('{ form: { text: { type: string } } }'))).toEqual([
      'routes.say.price.hold.text: /text must be a required string of request.form',
    ])
    expect(problemsOf(priced('{ raw: [a/b] }'))).toEqual([
      'routes.say.price.hold.text: /text must be a required string of request.json',
    ])
  })

  test('of seconds, in a file that every form has', () => {
    const rule =
      '{ per: second, unit: 60, credits: 1, hold: { audio: a, lowestBitsPerSecond: 8000, maxSeconds: 60 } }'
    const form = (optional: boolean) =>
      taking(
        `{ multipart: { files: { a: { types: [audio/*], optional: ${optional} } }, maxBytes: 9 } }`,
      ).replace('{ per: request, credits: 1 }', rule)
    expect(problemsOf(form(false))).toEqual([])
    expect(problemsOf(form(true))).toEqual([
      'routes.say.price.hold.audio: request.multipart.files.a must not be optional',
    ])
  })
})

describe('the fields of a form with files', () => {
  const fieldsOf = (fields: Record<string, unknown> | undefined) => {
    const multipart = { file: 'f', types: ['a/b'], maxBytes: 9, ...(fields && { fields }) }
    const body = routeBodyOf({ multipart })
    if (!('multipart' in body)) throw new Error('no form')
    return schemaCheck(body.multipart.fields)
  }
  const a = { properties: { a: { type: 'string' } } }

  test.each([
    [undefined, { b: '1' }, '/b'],
    [a, { a: '1', b: '1' }, '/b'],
    [{ allOf: [a, { properties: { b: {} } }] }, { a: '1', b: '1', c: '1' }, '/c'],
    [{ ...a, patternProperties: { '^x-': {} } }, { 'x-1': '1', c: '1' }, '/c'],
  ])('of %j are those that are listed', (fields, sent, unlisted) => {
    const faults = fieldsOf(fields)(sent, true)
    expect(faults.map(({ pointer }) => pointer)).toEqual([unlisted])
    expect(faults[0]?.detail).toStartWith('unknown field')
  })

  test.each([
    [{ ...a, additionalProperties: true }],
    [{ ...a, additionalProperties: { maxLength: 2 } }],
  ])('are others, too, where the schema says so: %j', (fields) => {
    expect(fieldsOf(fields)({ a: '1', b: '1' }, true)).toEqual([])
  })
})
