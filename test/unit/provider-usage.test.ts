/** The usage and the text in responses of each provider: kinds of tokens are taken apart as the provider counts them. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { TokenPrice } from '../../src/pricing/rules/per-token.ts'
import { type StatedUsage, statedUsage } from '../../src/pricing/stated-usage.ts'
import { anthropic } from '../../src/providers/anthropic.ts'
import { gemini } from '../../src/providers/gemini.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { type ProviderName, providers } from '../../src/providers/providers.ts'
import { meterOf } from '../../src/proxy/metering/meter.ts'

const settleOf = ({ ofTokenRoutes: { settle, kinds } }: Provider) =>
  ({ ...settle, kinds }) as unknown as TokenPrice['settle']

/** Disjoint numbers of tokens. */
interface Kinds {
  readonly input: number
  readonly cached: number
  readonly cacheWrite: number
  readonly output: number
  readonly reasoning: number
}
const tokens = fc.nat({ max: 1_000 })
const anyKinds: fc.Arbitrary<Kinds> = fc.record({
  ...{ input: tokens, cached: tokens, cacheWrite: tokens, output: tokens, reasoning: tokens },
})

/** How each provider says them. Those of OpenAI and Gemini do not say what was written to a cache. */
const shapes: Readonly<Record<ProviderName, (kinds: Kinds) => object>> = {
  openai: ({ input, cached, output, reasoning }) => ({
    usage: {
      prompt_tokens: input + cached,
      prompt_tokens_details: { cached_tokens: cached },
      completion_tokens: output + reasoning,
      completion_tokens_details: { reasoning_tokens: reasoning },
      total_tokens: input + cached + output + reasoning,
    },
  }),
  anthropic: ({ input, cached, cacheWrite, output, reasoning }) => ({
    usage: {
      input_tokens: input,
      cache_read_input_tokens: cached,
      cache_creation_input_tokens: cacheWrite,
      output_tokens: output + reasoning,
      output_tokens_details: { thinking_tokens: reasoning },
    },
  }),
  gemini: ({ input, cached, output, reasoning }) => ({
    usageMetadata: {
      promptTokenCount: input + cached,
      cachedContentTokenCount: cached,
      candidatesTokenCount: output,
      thoughtsTokenCount: reasoning,
      totalTokenCount: input + cached + output + reasoning,
    },
  }),
}

describe.each(Object.keys(providers) as ProviderName[])('a usage of %s', (name) => {
  const settle = settleOf(providers[name])

  test('is taken apart into kinds none of which contains another', () => {
    fc.assert(
      fc.property(anyKinds, (any) => {
        const kinds = name === 'anthropic' ? any : { ...any, cacheWrite: 0 }
        const said = statedUsage(settle, shapes[name](kinds)) as StatedUsage
        const sum = Object.values(kinds).reduce((all, of) => all + of, 0)
        expect(said.tokens).toBe(sum)
        expect({ ...nothing, ...said.kinds }).toEqual(kinds)
      }),
    )
  })

  test('that is no number, or a part of which is more than the whole, says no kinds', () => {
    const kinds = { ...nothing, input: 5, output: 9 }
    const broken = JSON.stringify(shapes[name](kinds)).replace(':5,', ':"5",')
    expect(statedUsage(settle, JSON.parse(broken))?.kinds).toBeUndefined()
    if (name === 'gemini') return
    const more = JSON.stringify(shapes[name]({ ...kinds, reasoning: 1 })).replace(':1}', ':11}')
    expect(statedUsage(settle, JSON.parse(more))?.kinds).toBeUndefined()
  })
})

const nothing: Kinds = { input: 0, cached: 0, cacheWrite: 0, output: 0, reasoning: 0 }

test('kinds that are not as many as the total are none', () => {
  const said = { ...shapes.gemini({ ...nothing, input: 5 }) } as { usageMetadata: object }
  const json = { usageMetadata: { ...said.usageMetadata, totalTokenCount: 6 } }
  expect(statedUsage(settleOf(gemini), json)).toEqual({ tokens: 6, kinds: undefined })
})

describe('a stream', () => {
  const price = (provider: Provider): TokenPrice =>
    ({
      ...{ per: 'token', perMillion: { input: 1, output: 1 }, settle: settleOf(provider) },
      hold: { bytesPerToken: 4, limit: [], most: 1_000, step: 64 },
    }) as TokenPrice
  const meter = (provider: Provider, events: readonly object[]) => {
    const counts = meterOf(price(provider), { bytes: 40 }, provider)
    for (const data of events) {
      counts.count(new TextEncoder().encode(`data: ${JSON.stringify(data)}\n\n`))
    }
    return counts
  }
  const started = (usage: object) => ({ type: 'message_start', message: { content: [], usage } })
  const text = { type: 'content_block_delta', delta: { type: 'text_delta', text: 'four' } }

  test('of Anthropic says the same however its end repeats its beginning', () => {
    const names = ['input_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens']
    fc.assert(
      fc.property(anyKinds, fc.subarray(names), (kinds, repeated) => {
        const { usage } = shapes.anthropic(kinds) as { usage: Record<string, unknown> }
        const kept = Object.entries(usage).filter(
          ([name]) => name.startsWith('output') || repeated.includes(name),
        )
        const end = { type: 'message_delta', usage: Object.fromEntries(kept) }
        const counts = meter(anthropic, [started({ ...usage, output_tokens: 1 }), text, end])
        const sum = Object.values(kinds).reduce((all, of) => all + of, 0)
        const isPlaceholder = kinds.output + kinds.reasoning === 0
        if (isPlaceholder) return expect(counts.usedInAll).toBeGreaterThan(0)
        expect(counts.usedInAll).toBe(sum)
        expect({ ...nothing, ...counts.kindsInAll }).toEqual(kinds)
      }),
    )
  })

  test('of Anthropic knows the kinds of its request before its end, and counts its text as output', () => {
    const usage = { input_tokens: 3, cache_read_input_tokens: 90, output_tokens: 1 }
    const counts = meter(anthropic, [started(usage), text, text])
    expect(counts.used).toBe(95)
    expect(counts.kindsAt?.(counts.used)).toEqual({ input: 3, cached: 90, output: 2 })
    // Less than the ten tokens that were held for the request: its text is the same.
    const short = meter(anthropic, [started({ input_tokens: 3 }), text, text])
    expect(short.kindsAt?.(short.used)).toEqual({ input: 3, output: 2 })
  })

  test('of Anthropic whose request is said after some of its text counts both', () => {
    const words = { ...text, delta: { type: 'text_delta', text: 'four'.repeat(100) } }
    const late = meter(anthropic, [words, started({ input_tokens: 200 })])
    expect(late.used).toBe(300)
    expect(late.kindsAt?.(late.used)).toEqual({ input: 200, output: 100 })
    // What more is said of the request later is added to all that came before it.
    const more = { type: 'message_delta', usage: { input_tokens: 250 } }
    const later = meter(anthropic, [started({ input_tokens: 200 }), words, more, text])
    expect(later.used).toBe(351)
    expect(later.kindsAt?.(later.used)).toEqual({ input: 250, output: 101 })
  })

  test('of Anthropic that only begins has sold nothing', () => {
    expect(meter(anthropic, [started({ input_tokens: 30 })]).usedInAll).toBeUndefined()
    const error = { type: 'error', error: { type: 'overloaded_error' } }
    const failed = meter(anthropic, [started({ input_tokens: 30 }), error])
    expect([failed.usedInAll, failed.hasFailed]).toEqual([undefined, true])
  })

  test('of Gemini is what its last event says, which may leave out what was said before', () => {
    const part = (usageMetadata: object) => ({
      ...{ usageMetadata, candidates: [{ content: { parts: [{ text: 'four' }] } }] },
    })
    const counts = meter(gemini, [
      part({ promptTokenCount: 9, cachedContentTokenCount: 4, totalTokenCount: 9 }),
      part({ promptTokenCount: 9, candidatesTokenCount: 2, totalTokenCount: 11 }),
    ])
    expect(counts.usedInAll).toBe(11)
    expect(counts.kindsInAll).toEqual({ input: 5, cached: 4, output: 2 })
  })
})

describe('text', () => {
  test.each([
    ['a message', { content: [{ type: 'text', text: 'four' }] }, 4],
    ['thinking, without its proof', { content: [{ thinking: 'four', signature: 'xxxx' }] }, 4],
    ['a tool', { content: [{ type: 'tool_use', id: 'x', name: 'ab', input: { a: 'cd' } }] }, 4],
    ['a piece', { type: 'content_block_delta', delta: { type: 'text_delta', text: 'four' } }, 4],
    [
      'the arguments of a tool',
      { type: 'content_block_delta', delta: { type: 'input_json_delta', partial_json: '{}' } },
      2,
    ],
    [
      'the name of a tool',
      { type: 'content_block_start', content_block: { type: 'tool_use', id: 'x', name: 'ab' } },
      2,
    ],
    ['no proof', { type: 'content_block_delta', delta: { signature: 'xxxx' } }, 0],
    ['no reason to stop', { type: 'message_delta', delta: { stop_reason: 'end_turn' } }, 0],
    ['no error', { type: 'error', error: { message: 'four' } }, 0],
    ['nothing', undefined, 0],
  ])('of Anthropic is that of %s', (_, json, bytes) => {
    expect(anthropic.textBytes(json)).toBe(bytes)
  })

  const candidate = (part: unknown) => ({ candidates: [{ content: { parts: [part] } }] })
  test.each([
    ['a part', candidate({ text: 'four' }), 4],
    ['a thought, without its proof', candidate({ text: 'four', thoughtSignature: 'xxxx' }), 4],
    ['a tool', candidate({ functionCall: { id: 'x', name: 'ab', args: { a: 'cd' } } }), 4],
    ['a picture, which is something', candidate({ inlineData: { mimeType: 'a/b', data: 'x' } }), 1],
    ['code', candidate({ executableCode: { language: 'PYTHON', code: 'four' } }), 4],
    ['no reason to stop', { candidates: [{ finishReason: 'STOP' }] }, 0],
    ['candidates that are none', { candidates: 'four' }, 0],
    ['nothing', undefined, 0],
  ])('of Gemini is that of %s', (_, json, bytes) => {
    expect(gemini.textBytes(json)).toBe(bytes)
  })
})
