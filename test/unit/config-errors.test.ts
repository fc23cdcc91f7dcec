import { describe, expect, test } from 'bun:test'
import { ConfigError, printProblem } from '../../src/config/config-error.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { parse, smallConfig, withChange } from '../support/small-config.ts'

/** The problems of a text, one sentence each. */
function problemsOf(text: string, env: Record<string, string> = {}): string[] {
  return errorOf(text, env).problems.map(printProblem)
}

function errorOf(text: string, env: Record<string, string> = {}): ConfigError {
  try {
    parse(text, env)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('The configuration is valid')
}

test('the small configuration is valid', () => {
  expect(Object.keys(parse(smallConfig).routes)).toEqual(['say'])
})

describe('a field that does not fit', () => {
  test.each([
    [
      'rateLimit: 10',
      'rateLimit: fast',
      'plans.pro.rateLimit: expected an integer from 1 to 2147483647, got "fast"',
    ],
    [
      'rateLimit: 10',
      'rateLimit: 0',
      'plans.pro.rateLimit: expected an integer from 1 to 2147483647, got 0',
    ],
    [
      'rateLimit: 10',
      'rateLimit: 1.5',
      'plans.pro.rateLimit: expected an integer from 1 to 2147483647, got 1.5',
    ],
    [
      'rateLimit: 10',
      'rateLimit:',
      'plans.pro.rateLimit: expected an integer from 1 to 2147483647, got null',
    ],
    [
      '    rateLimit: 10\n',
      '',
      'plans.pro.rateLimit: missing, expected an integer ≥ 1, or a list `rateLimits` in place of both',
    ],
    [
      'rateLimit: 10',
      'rateLimits: [{ calls: 10, per: 1s }]',
      'plans.pro.windowMs: stands beside `rateLimits`: name all limits there',
    ],
    [
      'rateLimit: 10\n    windowMs: 60000',
      'rateLimits: [{ calls: 10, per: a minute }]',
      'plans.pro.rateLimits[0].per: expected a span such as 500ms, 60s, 5m, 1h or 1d, got "a minute"',
    ],
    [
      'rateLimit: 10\n    windowMs: 60000',
      'rateLimits: [{ calls: 10, per: 32d }]',
      'plans.pro.rateLimits[0].per: expected at most 31d, got "32d"',
    ],
    [
      'rateLimit: 10\n    windowMs: 60000',
      'rateLimits: [{ calls: 10, per: 60s }, { calls: 20, per: 1m }, { calls: 10, per: 1h }]',
      'plans.pro.rateLimits[0].calls: is never reached: there are no more than 10 calls in 1 hour|plans.pro.rateLimits[1].per: another limit here has the same span',
    ],
    [
      'rateLimit: 10\n    windowMs: 60000',
      'rateLimits: [{ tokens: 1000, per: 60s }, { calls: 10, per: 1s }]',
      'plans.pro.rateLimits[0].tokens: no route that the plan may call counts tokens|plans.pro.rateLimits[0]: the first limit is one of calls: it is asked before anything of a request is read',
    ],
    [
      'credits: 1 }',
      'credits: 1 }\n    rateLimit: 5\n    rateLimits: [{ calls: 5, per: 1s }]',
      'routes.say.rateLimit: stands beside `rateLimits`: name all limits there',
    ],
    [
      'credits: 1 }',
      'credits: 1 }\n    rateLimits: [{ tokens: 5, per: 1s }]',
      'routes.say.rateLimits[0].tokens: the route counts no tokens',
    ],
    [
      '    price: { per: request, credits: 1 }',
      '    rateLimits: [{ calls: 5, per: 1s }, { tokens: 1000, per: 1m }]\n    provider: openai\n    price: { per: token, unit: 1, credits: 1, hold: { bytesPerToken: 4, limit: [], most: 1000, step: 100 } }',
      'routes.say.rateLimits[1].tokens: a call of say can take 1,000 and those of its request (`hold.most`), and would never pass',
    ],
    [
      '    price: { per: request, credits: 1 }',
      '    rateLimits: [{ calls: 5, per: 1s }, { tokens: 2500, per: 1m }]\n    provider: openai\n    price: { per: token, unit: 1, credits: 1, hold: { bytesPerToken: 4, limit: [], most: 1000, step: 100 } }\ngateways: 3',
      'routes.say.rateLimits[1].tokens: a call of say can take 1,000 and those of its request (`hold.most`), and would not pass while Redis is away, when each of the 3 gateways admits 833',
    ],
    [
      'credits: 100',
      'credits: 100\n    trial: { credits: 0, days: 5000 }',
      'plans.pro.trial.credits: expected an integer from 1 to 1000000000000, got 0|plans.pro.trial.days: expected an integer from 1 to 3650, got 5000',
    ],
    [
      'credits: 100',
      'credits: 100\n    firstMonth: half',
      'plans.pro.firstMonth: expected prorated or whole, got "half"',
    ],
    [
      'credits: 100',
      'credits: 0\n    firstMonth: prorated',
      'plans.pro.firstMonth: there is nothing to prorate: the plan has neither credits nor a fee',
    ],
    [
      'credits: 100',
      'credits: 100\n    rollover: { max: 0, months: 121 }',
      'plans.pro.rollover.max: expected an integer from 1 to 1000000000000, got 0|plans.pro.rollover.months: expected an integer from 1 to 120, got 121',
    ],
    [
      'credits: 100',
      'credits: 0\n    rollover: { max: 10, months: 1 }',
      'plans.pro.rollover: there is nothing to roll over: the plan has no credits',
    ],
    [
      'credits: 100',
      'credits: 100\n    overage: { max: 0, fee: { minorUnits: 0, currency: EUR }, per: 0 }',
      'plans.pro.overage.fee.minorUnits: expected an integer from 1 to 1000000000000, got 0|plans.pro.overage.max: expected an integer from 1 to 1000000000000, got 0|plans.pro.overage.per: expected an integer from 1 to 1000000000000, got 0',
    ],
    [
      'credits: 100',
      'credits: 100\n    overage: { max: 5 }',
      'plans.pro.overage.fee: missing, expected a mapping|plans.pro.overage.per: missing, expected an integer from 1 to 1000000000000',
    ],
    [
      'credits: 100',
      'credits: 1e300',
      'plans.pro.credits: expected an integer from 0 to 1000000000000, got 1e+300',
    ],
    [
      'credits: 100',
      'credits: 9007199254740991',
      'plans.pro.credits: expected an integer from 0 to 1000000000000, got 9007199254740991',
    ],
    [
      'minorUnits: 0',
      'minorUnits: 1000000000001',
      'plans.pro.fee.minorUnits: expected an integer from 0 to 1000000000000, got 1000000000001',
    ],
    [
      'rateLimit: 10',
      'ratelimit: 10',
      'plans.pro.ratelimit: unknown field, did you mean rateLimit?',
    ],
    [
      'price: { per: request, credits: 1 }',
      'price: 5',
      'routes.say.price: expected a mapping such as { per: request, credits: 10 } or a list that is not empty, got 5',
    ],
    [
      'currency: EUR',
      'currency: euro',
      'plans.pro.fee.currency: expected a currency code such as EUR, got "euro"',
    ],
    [
      'endpoints: [echo]',
      'endpoints: everything',
      'plans.pro.endpoints: expected all or a list, got "everything"',
    ],
    [
      'endpoints: [echo]',
      'endpoints: [echo, 7]',
      'plans.pro.endpoints[1]: expected a text that is not empty, got 7',
    ],
    [
      'method: POST',
      'method: FETCH',
      'routes.say.method: expected GET, HEAD, POST, PUT, PATCH or DELETE, got "FETCH"',
    ],
    [
      'path: /v1/say',
      'path: v1/say',
      'routes.say.path: expected a path such as /v1/search, got "v1/say"',
    ],
    [
      'path: /v1/say',
      'path: /v1/../admin',
      'routes.say.path: a segment is not .., which clients resolve, got "/v1/../admin"',
    ],
    [
      'upstreamPath: /say',
      'upstreamPath: //evil.example',
      'routes.say.upstreamPath: a segment is empty, got "//evil.example"',
    ],
    [
      'url: http://127.0.0.1:9',
      "url: 'http://user:secret@host'",
      'services.echo.url: expected an http(s) URL without credentials, query or fragment',
    ],
    [
      '{ per: request, credits: 1 }',
      '{ per: call, credits: 1 }',
      'routes.say.price.per: expected free, request, item, character, second, token, byte or quantity, got "call"',
    ],
    [
      '{ per: request, credits: 1 }',
      '{ credits: 1 }',
      'routes.say.price.per: missing, expected free, request, item, character, second, token, byte or quantity',
    ],
    [
      '{ per: request, credits: 1 }',
      '{ per: request, credits: 0 }',
      'routes.say.price.credits: expected an integer from 1 to 1000000000000 or a mapping, got 0',
    ],
    [
      '{ per: request, credits: 1 }',
      '{ per: item, credits: 1, settle: { list: /results } }',
      'routes.say.price.hold: missing, expected a mapping',
    ],
    [
      '{ per: request, credits: 1 }',
      '{ per: character, unit: 1, credits: 1, hold: { text: text } }',
      'routes.say.price.hold.text: expected a JSON pointer such as /text or a mapping, got "text"',
    ],
    [
      'request: { json:',
      'request: { jsn:',
      'routes.say.request: expected exactly one of json, form, multipart or raw',
    ],
    [
      'defaultPlan: pro',
      'defaultPlan: [pro]',
      'defaultPlan: expected a text that is not empty, got a list',
    ],
    [
      'defaultPlan: pro',
      'gateway: 2',
      'defaultPlan: missing, expected a text that is not empty|gateway: unknown field, did you mean gateways?',
    ],
    [
      '  say:',
      '  1 say:',
      'routes["1 say"]: not a name: expected letters, digits, - and _, with a letter first, at most 63',
    ],
    [
      'defaultPlan: pro',
      'defaultPlan: pro\nlimits: { upstreamTimeoutMs: 99999999 }',
      'limits.upstreamTimeoutMs: expected an integer from 1 to 3600000, got 99999999',
    ],
  ])('%p → %p', (from, to, expected) => {
    expect(problemsOf(withChange(from, to)).toSorted()).toEqual(expected.split('|'))
  })

  test('a whole section that is no mapping', () => {
    expect(problemsOf('just a text')).toEqual(['expected a mapping, got "just a text"'])
    expect(problemsOf('')).toEqual(['expected a mapping, got null'])
    expect(problemsOf(withChange('defaultPlan: pro', 'defaultPlan: pro\nlimits: 7'))).toEqual([
      'limits: expected a mapping, got 7',
    ])
  })

  test('an unknown field that resembles none lists the known ones', () => {
    expect(problemsOf(withChange('url: http://127.0.0.1:9', 'colour: blue'))).toEqual([
      'services.echo.colour: unknown field, known here are urlEnv, url, targets, testUrl, demo, headers, query, identity, requestHeaders',
    ])
  })
})

describe('parts that do not fit together', () => {
  const bodyless = (rest: string) =>
    `${smallConfig}  other: { method: GET, path: /v1/other, summary: Other, ${rest}, price: { per: free } }\n`

  test.each([
    [
      'service: echo',
      'service: ecko',
      'plans.pro.endpoints[0]: no such permission: "echo", did you mean ecko?|routes.say.service: no such service: "ecko", did you mean echo?',
    ],
    ['defaultPlan: pro', 'defaultPlan: free', 'defaultPlan: no such plan: "free", expected pro'],
    [
      'endpoints: [echo]',
      'endpoints: [echo, search]',
      'plans.pro.endpoints[1]: no such permission: "search", expected echo',
    ],
    ['path: /v1/say', 'path: /v1/key', 'routes.say.path: /v1/key is served by the gateway itself'],
    ['method: POST', 'method: GET', 'routes.say.request: a GET takes no body'],
    [
      '    service: echo\n    upstreamPath: /say\n',
      '    permission: echo\n',
      'routes.say.service: missing, a route has a `service` or a `fixedResponse`',
    ],
    [
      'type: string',
      'type: sting',
      'routes.say.request.json.properties.text.type: expected array, boolean, integer, null, number, object or string, got "sting"',
    ],
    [
      'type: string',
      'type: string, maxLenght: 5',
      'routes.say.request.json.properties.text.maxLenght: no keyword of JSON Schema, did you mean maxLength?',
    ],
    [
      '    price:',
      '    map: { words: txt }\n    price:',
      'routes.say.map.words: no such field of request.json: "txt", did you mean text?',
    ],
    [
      '    price:',
      '    map: { words: { from: body } }\n    price:',
      'routes.say.map.words.from: no such field of request.json: "body", expected text',
    ],
    [
      'defaultPlan: pro',
      'defaultPlan: pro\nlimits: { holdSeconds: 30 }',
      'limits.holdSeconds: expected more than the longest timeout, 30 s, got 30',
    ],
    [
      '    price:',
      '    timeoutMs: 1000000\n    price:',
      'limits.holdSeconds: expected more than the longest timeout, 1000 s, got 900',
    ],
  ])('%p → %p', (from, to, expected) => {
    expect(problemsOf(withChange(from, to)).toSorted()).toEqual(expected.split('|'))
  })

  test('two routes with one method and path', () => {
    const text = bodyless('service: echo, upstreamPath: /a')
    const twice = text.replace('method: GET, path: /v1/other', 'method: POST, path: /v1/say')
    expect(problemsOf(twice)).toEqual(['routes.other.path: POST /v1/say is routes.say already'])
  })

  test('a fixed response calls no upstream and names its permission', () => {
    expect(parse(bodyless('fixedResponse: null, permission: echo')).routes.other?.target).toEqual({
      kind: 'fixed',
      json: null,
    })
    expect(problemsOf(bodyless('fixedResponse: {}'))).toEqual([
      'routes.other.permission: missing, there is no service whose name it could be',
    ])
    expect(problemsOf(bodyless('fixedResponse: {}, service: echo, permission: echo'))).toEqual([
      'routes.other.service: a route with a `fixedResponse` calls no upstream',
    ])
  })

  test('a form has its own size', () => {
    const form = '{ multipart: { file: f, maxBytes: 9, types: [audio/*] } }'
    const text = smallConfig.replace(/request: .*/, `request: ${form}\n    maxBodyBytes: 7`)
    expect(problemsOf(text)).toEqual([
      'routes.say.maxBodyBytes: has no effect on a form, set request.multipart.maxBytes',
    ])
  })
})

describe('a price that would not find what it counts', () => {
  const price = (rule: string, response = '') =>
    withChange('price: { per: request, credits: 1 }', `${response}price: ${rule}`)
  const character = (pointer: string) =>
    price(`{ per: character, unit: 1, credits: 1, hold: { text: ${pointer} } }`)

  test('a text that every request has is fine', () => {
    expect(parse(character('/text')).routes.say?.price).toMatchObject({ per: 'character' })
  })

  test('a text that a request may lack would be free', () => {
    expect(problemsOf(character('/words'))).toEqual([
      'routes.say.price.hold.text: /words must be a required string of request.json',
    ])
    const optional = character('/text').replace('required: [text], ', '')
    expect(problemsOf(optional)).toEqual([
      'routes.say.price.hold.text: /text must be a required string of request.json',
    ])
  })

  test('a list must be a list', () => {
    expect(problemsOf(price('{ per: item, credits: 1, hold: { list: /text } }'))).toEqual([
      'routes.say.price.hold.list: /text must be a required array of request.json',
    ])
  })

  test('audio comes from the file of a form', () => {
    const hold = '{ audio: sound, lowestBitsPerSecond: 8000, maxSeconds: 60 }'
    const text = price(`{ per: second, unit: 60, credits: 1, hold: ${hold} }`)
    expect(problemsOf(text)).toEqual([
      'routes.say.price.hold.audio: needs request.multipart, which carries the audio',
    ])
    const form = '{ multipart: { file: file, maxBytes: 9, types: [audio/*] } }'
    expect(problemsOf(text.replace(/request: .*/, `request: ${form}`))).toEqual([
      'routes.say.price.hold.audio: the form\'s file is "file", got "sound"',
    ])
  })

  test('what is settled must be in the documented response', () => {
    const list = withChange('text: { type: string }', 'text: { type: array }')
    const item = (settle: string) =>
      list.replace(
        'price: { per: request, credits: 1 }',
        `response: { json: { type: object, properties: { results: { type: array, items: { properties: { ok: { type: boolean } } } }, n: { type: integer } } } }
    price: { per: item, credits: 1, hold: { list: /text }, settle: ${settle} }`,
      )
    expect(problemsOf(item('{ list: /result }'))).toEqual([
      'routes.say.price.settle.list: /result is not in response.json',
    ])
    expect(problemsOf(item('{ list: /n }'))).toEqual([
      'routes.say.price.settle.list: /n must be of type array in response.json',
    ])
    expect(
      problemsOf(item('{ list: /results, where: { pointer: /success, equals: true } }')),
    ).toEqual([
      'routes.say.price.settle.where.pointer: /success is not in the items of /results in response.json',
    ])
    parse(item('{ list: /results, where: { pointer: /ok, equals: true } }'))
  })

  describe('tokens', () => {
    const hold = '{ bytesPerToken: 4, limit: [/max], most: 9, step: 3 }'
    const rule = `{ per: token, unit: 1, credits: 1, hold: ${hold}, settle: { usage: /used, each: [/text] } }`
    const response = (type: string) =>
      `response: { json: { type: object, properties: { used: { type: ${type} } } } }\n    `
    const token = (max: string, more = '') =>
      price(rule, response('integer') + more).replace(
        'text: { type: string }',
        `text: { type: string }, max: { type: ${max} }, stream: { type: boolean }`,
      )

    test('are fine where limits and usage are numbers', () => {
      const streams = 'streams: { when: { pointer: /stream, equals: true } }\n    '
      expect(parse(token('integer', streams)).routes.say?.streams?.when).toMatchObject({
        equals: true,
      })
    })

    test('need limits and usage that can be there', () => {
      expect(problemsOf(token('string'))).toEqual([
        'routes.say.price.hold.limit[0]: /max must be of type number in request.json',
      ])
      expect(problemsOf(price(rule, response('string')))).toEqual([
        'routes.say.price.hold.limit[0]: /max is not in request.json',
        'routes.say.price.settle.usage: /used must be of type number in response.json',
      ])
    })

    test('need a JSON request', () => {
      expect(problemsOf(token('integer').replace(/request: .*/, ''))).toEqual([
        'routes.say.price.per: counts tokens of JSON, so request.json is needed',
      ])
    })

    test('are the only price with `streams`, whose condition must be on the request', () => {
      const streams = 'streams: { when: { pointer: /flow, equals: true } }\n    '
      expect(problemsOf(token('integer', streams))).toEqual([
        'routes.say.streams.when.pointer: /flow is not in request.json',
      ])
      expect(problemsOf(price('{ per: request, credits: 1 }', streams))).toEqual([
        'routes.say.streams: has an effect on a price per token only',
      ])
    })
  })

  test('bytes are not read, so chargeWhen has nothing to look at', () => {
    const when = 'chargeWhen: { pointer: /ok, equals: true }\n    '
    const rule = '{ per: byte, unit: 1, credits: 1, hold: { step: 1 } }'
    expect(problemsOf(price(rule, when))).toEqual([
      'routes.say.chargeWhen: has no effect on a price per byte, whose responses are not read',
    ])
  })

  test('chargeWhen cannot read a binary response', () => {
    const text = withChange(
      '    price:',
      '    response: { binary: audio/* }\n    chargeWhen: { pointer: /ok, equals: true }\n    price:',
    )
    expect(problemsOf(text)).toEqual([
      'routes.say.chargeWhen.pointer: reads a JSON response, and response is binary',
    ])
  })
})

describe('a price by which a call could cost more than 10^12 credits', () => {
  const tooMuch = 'routes.say.price.credits: a call that the route admits can cost more than'
  const byText = (credits: number, more = '') =>
    withChange(
      '{ per: request, credits: 1 }',
      `{ per: character, unit: 1, credits: ${credits}, hold: { text: /text } }`,
    ).replace('{ type: string }', `{ type: string${more} }`)
  const urls = (credits: number, more = '') =>
    withChange(
      '{ per: request, credits: 1 }',
      `{ per: item, credits: ${credits}, hold: { list: /text } }`,
    ).replace('{ type: string }', `{ type: array${more} }`)

  test.each([
    ['a text without a bound', byText(953_675)],
    ['a long text', byText(1_000_000, ', maxLength: 1000001')],
    ['a list without a bound', urls(1_907_349)],
    ['a long list', urls(10_000_000_000, ', maxItems: 101')],
    [
      'tokens',
      withChange(
        '{ per: request, credits: 1 }',
        '{ per: token, unit: 1, credits: 1000000000, hold: { bytesPerToken: 4, limit: [], most: 1000, step: 10 }, settle: { usage: /usage, each: [/text] } }',
      ),
    ],
  ])('is refused: %s', (_, config) => {
    expect(errorOf(config).message).toContain(tooMuch)
  })

  test.each([
    ['a text in a body of a mebibyte', byText(953_674)],
    ['a text with a bound', byText(1_000_000, ', maxLength: 1000000')],
    ['a list with a bound', urls(10_000_000_000, ', maxItems: 100')],
    ['the most expensive call', withChange('credits: 1 }', 'credits: 1000000000000 }')],
  ])('is what it is only where it could: %s', (_, config) => {
    expect(Object.keys(parse(config).routes)).toEqual(['say'])
  })
})

describe('all at once', () => {
  const spoilt = smallConfig
    .replace('rateLimit: 10', 'rateLimit: fast')
    .replace('service: echo', 'service: ecko')
    .replace('defaultPlan: pro', 'defaultPlan: prro')

  test('faults of fields and of fitting together are reported at once, in the order of the file', () => {
    expect(problemsOf(spoilt)).toEqual([
      'plans.pro.rateLimit: expected an integer from 1 to 2147483647, got "fast"',
      'defaultPlan: no such plan: "prro", did you mean pro?',
      'routes.say.service: no such service: "ecko", did you mean echo?',
    ])
  })

  test('each with its line', () => {
    expect(errorOf(spoilt).problems.map(({ line }) => line)).toEqual([5, 11, 17])
    expect(errorOf(spoilt).message).toBe(
      [
        'test.yaml cannot be used:',
        '  plans.pro.rateLimit: expected an integer from 1 to 2147483647, got "fast" (line 5)',
        '  defaultPlan: no such plan: "prro", did you mean pro? (line 11)',
        '  routes.say.service: no such service: "ecko", did you mean echo? (line 17)',
      ].join('\n'),
    )
  })

  test('a missing field has the line of what it is missing from', () => {
    const [problem] = errorOf(withChange('    credits: 100\n', '')).problems
    expect(problem).toEqual({
      path: 'plans.pro.credits',
      message: 'missing, expected an integer from 0 to 1000000000000',
      line: 4,
    })
  })

  test('a fault inside an anchored passage has its line there', () => {
    const text = smallConfig.replace('  pro:\n', '  free: &plan\n').concat('')
    const both = text.replace('defaultPlan: pro', '  pro: *plan\ndefaultPlan: pro')
    const spoiltPlan = both.replace('rateLimit: 10', 'rateLimit: 0')
    expect(errorOf(spoiltPlan).problems.map(({ path, line }) => [path, line])).toEqual([
      ['plans.free.rateLimit', 5],
      ['plans.pro.rateLimit', 5],
    ])
  })
})

describe('a file that cannot be read', () => {
  test('is named', () => {
    expect(() => loadConfig({ file: '/nowhere/tollbook.yaml', env: {} })).toThrow(
      /^\/nowhere\/tollbook\.yaml cannot be used:\n {2}cannot be read: ENOENT/,
    )
  })

  test('invalid YAML has a line', () => {
    const [problem] = errorOf('services: {\nplans: ]').problems
    expect(problem?.message).toStartWith('not YAML: ')
    expect(problem?.line).toBe(1)
  })

  test.each([
    ['plans:\n  a: 1\n    b: 2\n', 3, 'indented deeper than the line above'],
    ['plans:\n  a: x\n\tb: 2\n', 3, 'indented by a tab'],
    ['plans:\n  a:\n    b: 1\n   c: 2\n', 4, 'not indented as the lines that it belongs to'],
    ['plans:\n  a: 1\n  b:2\n  c: 3\n', 3, 'expected a name, a colon and a space'],
    ['plans:\n  a: { b: 1\n  c: 2\n', 2, 'a { is not closed'],
    ['plans:\n  a: [1, 2\n  c: 2\n', 2, 'a [ is not closed'],
    ['plans:\n  a: { b: 1 c: 2 }\n', 2, 'expected a comma between two fields'],
    ['plans:\n  a: Read: it\n', 2, 'a text with a colon and a space in it needs quotes'],
    ['plans:\n  a: @it\n', 2, 'a text that begins with @ needs quotes'],
    ['plans:\n  a: {id}/x\n', 2, 'something stands behind a value that has ended'],
    ["plans:\n  a: 'it\n", 2, 'a quote is not closed'],
    ['plans:\n  a: 1\n  b: 2\n  a: 3\n', 4, 'a stands twice'],
  ])('%j is told in one sentence, with its line', (text, line, message) => {
    const { problems } = errorOf(text)
    expect(problems).toHaveLength(1)
    expect(problems[0]?.message).toStartWith(`not YAML: ${message}`)
    expect(problems[0]?.line).toBe(line)
  })

  test('a field that stands twice is an error', () => {
    expect(problemsOf(`${smallConfig}defaultPlan: pro\n`)).toEqual([
      'not YAML: defaultPlan stands twice',
    ])
  })

  test('an alias of nothing is an error', () => {
    expect(problemsOf('services: *nothing')[0]).toStartWith('not YAML: ')
  })
})

describe('what a service says of its upstream', () => {
  const service = (fields: string) =>
    problemsOf(withChange('echo: { url: http://127.0.0.1:9 }', `echo: { ${fields} }`))
  const url = 'url: http://127.0.0.1:9'

  test.each([
    [
      `${url}, targets: [http://127.0.0.1:8]`,
      'targets: there is a `url`, which would be the only one: leave one',
    ],
    [
      `${url}, testUrl: http://127.0.0.1:8, headers: { Authorization: { env: TOKEN } }`,
      'headers.Authorization.testEnv: missing: the variable with the secret for `testUrl`, which may be the same',
    ],
    [
      `${url}, query: { appid: { env: TOKEN, testEnv: TOKEN } }`,
      'query.appid.testEnv: has no effect without a `testUrl`',
    ],
    [`${url}, headers: { Host: { value: x } }`, 'headers.Host: Host is set by the gateway itself'],
    [
      `${url}, headers: { X-A: { value: x }, x_a: { value: y } }`,
      'headers.x_a: some servers cannot tell it from X-A',
    ],
    [`${url}, headers: { X-Plan: { value: x } }`, 'identity: X-Plan is one of `headers` already'],
    [
      `${url}, identity: { key: Content-Type }`,
      'identity.key: Content-Type is set by the gateway itself',
    ],
    [
      `${url}, identity: krakend`,
      'identity: expected default, kong, none or a mapping, got "krakend"',
    ],
    [
      `${url}, requestHeaders: [Accept, X-Forwarded-For]`,
      'requestHeaders[1]: X-Forwarded-For never crosses from a client',
    ],
    [`${url}, requestHeaders: [X-Plan]`, 'requestHeaders[0]: X-Plan is set by the gateway itself'],
    [
      `${url}, headers: { Authorization: { env: token } }`,
      'headers.Authorization.env: expected the name of an environment variable, in upper case',
    ],
  ])('%s', (fields, problem) => {
    expect(service(fields)).toEqual([`services.echo.${problem}`])
  })

  test('a secret that stands where the name of its variable belongs is not repeated', () => {
    const problems = service(`${url}, headers: { Authorization: Bearer-s3cr3t }`)
    expect(problems).toHaveLength(1)
    expect(problems[0]).not.toContain('s3cr3t')
  })

  test('a route takes no parameter that the gateway adds', () => {
    const text = withChange(
      'echo: { url: http://127.0.0.1:9 }',
      'echo: { url: http://127.0.0.1:9, query: { appid: { env: TOKEN } } }',
    ).replace('    price:', '    query: { AppId: { type: string } }\n    price:')
    expect(problemsOf(text)).toEqual([
      'routes.say.query.AppId: AppId is added by services.echo.query',
    ])
  })

  test.each([
    ['X-API-Key', 'is read anyway'],
    ['Content-Type', 'cannot carry a key'],
    ['Cookie', 'cannot carry a key'],
  ])('no key is looked for in %s', (name, message) => {
    expect(
      problemsOf(withChange('defaultPlan: pro', `defaultPlan: pro\nkeyHeaders: [${name}]`)),
    ).toEqual([`keyHeaders[0]: ${name} ${message}`])
  })
})

describe('which responses are charged', () => {
  const say = (fields: string) => problemsOf(withChange('    price:', `    ${fields}\n    price:`))

  test.each([
    [
      'chargeWhen: { status: [200, 429] }',
      'chargeWhen.status[1]: 429 reaches no client, unless `passStatuses` lists it',
    ],
    ['chargeWhen: { status: [304] }', 'chargeWhen.status[0]: 304 reaches no client'],
    [
      'chargeWhen: { status: [401, 402] }\n    passStatuses: [401]',
      'chargeWhen.status[1]: 402 reaches no client, unless `passStatuses` lists it',
    ],
    ['passStatuses: [404]', 'passStatuses[0]: expected 401, 402, 407 or 429, got 404'],
    ['passStatuses: [401, 401]', 'passStatuses: names something twice'],
    [
      'chargeWhen: { status: [] }',
      'chargeWhen.status: expected a list that is not empty, got a list',
    ],
    ['chargeWhen: { header: X-Cache }', 'chargeWhen: expected exactly one of equals or not'],
    [
      'chargeWhen: { header: X-Cache, equals: 5 }',
      'chargeWhen.equals: expected a text that is not empty, got 5',
    ],
    [
      'chargeWhen: { pointer: /ok, equals: true }\n    conditional: true',
      'conditional: a part of a response cannot be read as JSON, which its price needs',
    ],
  ])('%s', (fields, problem) => {
    expect(say(fields)).toEqual([`routes.say.${problem}`])
  })

  test('a status that a conditional route passes on', () => {
    expect(() =>
      parse(
        withChange(
          '    price:',
          '    chargeWhen: { status: [200, 304] }\n    conditional: true\n    price:',
        ),
      ),
    ).not.toThrow()
  })

  test('what is free has no condition', () => {
    const text = withChange(
      'price: { per: request, credits: 1 }',
      'chargeWhen: { status: [200] }\n    price: { per: free }',
    )
    expect(problemsOf(text)).toEqual(['routes.say.chargeWhen: has no effect on what is free'])
  })
})

describe('addresses from the environment', () => {
  const text = withChange('url: http://127.0.0.1:9', 'urlEnv: ECHO_URL, url: http://127.0.0.1:9')

  test('win over the file and lose a slash at their end', () => {
    expect(parse(text).services.echo?.urls).toEqual(['http://127.0.0.1:9'])
    expect(parse(text, { ECHO_URL: '' }).services.echo?.urls).toEqual(['http://127.0.0.1:9'])
    expect(parse(text, { ECHO_URL: 'https://echo.example/base/' }).services.echo?.urls).toEqual([
      'https://echo.example/base',
    ])
  })

  test('are checked, and not repeated where they are wrong', () => {
    expect(problemsOf(text, { ECHO_URL: 'https://user:secret@echo.example' })).toEqual([
      'ECHO_URL: expected an http(s) URL without credentials, query or fragment',
    ])
  })
})

describe('a number that is known where a gateway runs', () => {
  const text = withChange('defaultPlan', 'gateways: 3\ntrustedProxies: 1\ndefaultPlan')

  test('wins over the file when it is set', () => {
    expect(parse(text, { GATEWAYS: '', TRUSTED_PROXIES: ' ' })).toMatchObject({
      ...{ gateways: 3, trustedProxies: 1 },
    })
    expect(parse(text, { GATEWAYS: '2', TRUSTED_PROXIES: '0' })).toMatchObject({
      ...{ gateways: 2, trustedProxies: 0 },
    })
  })

  test('is checked', () => {
    expect(problemsOf(text, { GATEWAYS: '0', TRUSTED_PROXIES: 'one' })).toEqual([
      'GATEWAYS: expected an integer ≥ 1, got "0"',
      'TRUSTED_PROXIES: expected an integer ≥ 0, got "one"',
    ])
  })
})

test('a number that is priced has bounds', () => {
  const priced = (schema: string) =>
    withChange('properties: { text: { type: string } }', `properties: { text: ${schema} }`).replace(
      '{ per: request, credits: 1 }',
      '{ per: item, credits: 1, hold: { number: /text } }',
    )
  expect(Object.keys(parse(priced('{ type: integer, minimum: 1, maximum: 4 }')).routes)).toEqual([
    'say',
  ])
  expect(problemsOf(priced('{ type: integer }'))).toEqual([
    'routes.say.price.hold.number: /text needs a `minimum` of at least 0 in its schema',
    'routes.say.price.hold.number: /text needs a `maximum` of at least 0 in its schema',
  ])
  expect(problemsOf(priced('{ type: string }'))).toEqual([
    'routes.say.price.hold.number: /text must be a required integer of request.json',
  ])
})

test('a condition wants one thing', () => {
  const condition = (text: string) =>
    withChange('request: {', `chargeWhen: ${text}\n    request: {`)
  const expected = 'routes.say.chargeWhen: expected exactly one of equals or exists'
  expect(problemsOf(condition('{ pointer: /ok }'))).toEqual([expected])
  expect(problemsOf(condition('{ pointer: /ok, equals: 1, exists: true }'))).toEqual([expected])
  expect(Object.keys(parse(condition('{ pointer: /ok, exists: true }')).routes)).toEqual(['say'])
})

describe('a faulty JSON Schema', () => {
  const json = 'json: { type: object'
  const withSchema = (schema: string) => {
    const change = withChange('request: {', 'request: {')
    const own = /json: \{.*\} \}/.exec(change)?.[0] ?? json
    return change.replace(own, `json: ${schema} }`)
  }

  test.each([
    ['{ type: int }', 'type: expected array, boolean, integer, null,'],
    ['{ items: { type: int } }', 'items.type: expected array, boolean, integer, null,'],
    [
      '{ properties: { a: { maxLenght: 5 } } }',
      'properties.a.maxLenght: no keyword of JSON Schema',
    ],
    ['{ anyOf: [{}, { colour: red }] }', 'anyOf[1].colour: no keyword of JSON Schema'],
    ["{ pattern: '(a' }", 'pattern: not a regular expression: missing )'],
    ["{ patternProperties: { '(a': {} } }", 'patternProperties["(a"]: not a regular expression'],
    ['{ format: uid }', 'format: no such format: "uid", did you mean uuid?'],
    ['{ required: true }', 'required: expected an array, got true'],
    [
      "{ items: { $ref: '#/components/schemas/Volume' } }",
      'items.$ref: leads nowhere: "#/components',
    ],
    [
      "{ $defs: { a: {} }, items: { $ref: '#/$defs/b' } }",
      'items.$ref: leads nowhere: "#/$defs/b"',
    ],
    [
      "{ $defs: { a: {} }, items: { $ref: '#/$defs/a' }, contains: { type: int } }",
      'contains.type: expected array',
    ],
  ])('%s is told at its keyword', (schema, problem) => {
    const problems = problemsOf(withSchema(schema))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toStartWith(`routes.say.request.json.${problem}`)
  })

  test('that others refer to is told once, where it stands', () => {
    const text = `schemas:
  Text: { type: string, maxLenght: 5 }
  Say: { type: object, properties: { text: { $ref: '#/schemas/Text' } } }
${withSchema("{ $ref: '#/schemas/Say' }")}`
    const { problems } = errorOf(text)
    expect(problems.map(printProblem)).toEqual([
      'schemas.Text.maxLenght: no keyword of JSON Schema, did you mean maxLength?',
    ])
    expect(problems[0]?.line).toBe(2)
  })
})

describe('what is often mistaken', () => {
  const request = (text: string) =>
    problemsOf(withChange(/request: .*/.exec(smallConfig)?.[0] ?? '', text))

  test.each([
    [
      'request: { form: { card: { type: string, required: true } } }',
      'request.form.card.required: say `required: [card]` beside `form`',
    ],
    [
      'request: { form: { type: object, properties: {} } }',
      'request.form.type: expected a mapping, got "object": the fields stand directly under `form`',
    ],
    [
      'request: { raw: image/png }',
      'request.raw: expected a list that is not empty, such as [image/*], got "image/png"',
    ],
    ['query: [q]', 'query: expected any or a mapping such as { q: { type: string } }, got a list'],
    [
      'query: { required: [q] }',
      'query.required: expected a mapping, got a list: parameters stand',
    ],
  ])('%s', (text, problem) => {
    expect(request(text)[0]).toStartWith(`routes.say.${problem}`)
  })

  test.each([
    'Authorization',
    'x-api-key',
    'Accept',
    'If-Match',
    'User-Agent',
    'X-Credits-Charged',
  ])('%s tells no upstream who calls', (name) => {
    const text = withChange(
      'url: http://127.0.0.1:9',
      `url: http://127.0.0.1:9, identity: { account: ${name} }`,
    )
    expect(problemsOf(text)).toEqual([
      `services.echo.identity.account: ${name} has a meaning of its own: name another header`,
    ])
  })

  test('a header without `env`, whose text is not repeated', () => {
    const text = withChange(
      'url: http://127.0.0.1:9',
      'url: http://127.0.0.1:9, headers: { X-Token: abc }',
    )
    expect(problemsOf(text)).toEqual([
      'services.echo.headers.X-Token: expected a mapping such as { env: NAME }',
    ])
  })
})

describe('plans that do not go together', () => {
  const sold = smallConfig.replace('minorUnits: 0', 'minorUnits: 900')

  test('fees are in one currency', () => {
    expect(() => parse(sold)).not.toThrow()
    const plan = /^ {2}pro:\n((?: {4}.*\n)+)/m.exec(sold)?.[0] as string
    const other = plan.replace('pro:', 'large:').replace(/currency: \w+/, 'currency: USD')
    expect(problemsOf(sold.replace(plan, plan + other))).toEqual([
      'plans.large.fee.currency: expected EUR, as the fee of pro, got "USD": the fees of all plans are in one currency',
    ])
    const over =
      'credits: 100\n    overage: { max: 5, per: 1, fee: { minorUnits: 1, currency: USD } }'
    expect(problemsOf(sold.replace('credits: 100', over))).toEqual([
      'plans.pro.overage.fee.currency: expected EUR, as the fee of pro, got "USD": the fees of all plans are in one currency',
    ])
    // A fee of nothing is in no currency.
    const free = other.replace('minorUnits: 900', 'minorUnits: 0')
    expect(() => parse(sold.replace(plan, plan + free))).not.toThrow()
  })

  test('the default plan can be given', () => {
    const problems = problemsOf(
      smallConfig.replace('credits: 100', 'credits: 100\n    grantable: false'),
    )
    expect(problems).toEqual([
      'defaultPlan: pro is not given any more (grantable: false): name another plan, for new accounts get this one',
    ])
  })
})
