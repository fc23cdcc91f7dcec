/**
 * Whatever an upstream sends and whenever its client leaves: nothing goes out beyond what is held, no more is charged than
 * that, and no less than the bytes of what went out, unless the last word of a whole stream is a usage that can be meant.
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Reservation } from '../../src/gate/reservation/reservation.ts'
import type { TokenPrice } from '../../src/pricing/rules/per-token.ts'
import { meteredStream } from '../../src/proxy/delivery/metered-stream.ts'
import { meterOf } from '../../src/proxy/metering/meter.ts'
import { partsOf } from '../../src/proxy/metering/parts.ts'
import { UpstreamClock } from '../../src/proxy/upstream/upstream-clock.ts'

const bytesPerToken = 4
const price: TokenPrice = {
  ...{ per: 'token', unit: 1, credits: 1 },
  hold: { bytesPerToken, limit: [], most: 1_000, step: 16 },
  settle: { usage: '/usage/total', each: ['/text', '/thought'] },
}
const request = { bytes: 40 }
const requested = 10

/** What an upstream can send as the data of one event. */
interface Sent {
  readonly text?: unknown
  readonly thought?: unknown
  readonly usage?: unknown
  readonly error?: unknown
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom('', null, [], {}, 'word ', 'ä'),
  fc.array(fc.record({ name: fc.string({ maxLength: 20 }) }), { maxLength: 3 }),
)
const total = fc.oneof(
  fc.nat({ max: 300 }),
  fc.constantFrom(0, null, -1, 1.5, '7', 1e300, 1e12, undefined),
)
const sent: fc.Arbitrary<Sent> = fc.record(
  {
    ...{ text, thought: text },
    usage: fc.oneof(fc.record({ total }), fc.constant(null)),
    error: fc.constantFrom({ message: 'no' }, null),
  },
  { requiredKeys: [] },
)
const printed = fc.oneof(
  { weight: 8, arbitrary: sent.map((data) => `data: ${JSON.stringify(data)}\n\n`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...['data: [DONE]\n\n', ': hello\n\n', 'data: {\n\n', 'data\n\n'],
      'data: {"text":"words","logprobs":NaN}\n\n',
    ),
  },
)

/** The texts of an event, by a reading of its own. */
function textsIn(event: string): string[] {
  const all: string[] = []
  const collect = (value: unknown): void => {
    if (typeof value === 'string') all.push(value)
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect)
  }
  const data = dataOf(event)
  collect([data.text, data.thought, unreadIn(event)])
  return all
}

/** Data that is no JSON, and is no end of a stream: its reader may make something of it. */
function unreadIn(event: string): string {
  const data = event.startsWith('data: ') ? event.slice('data: '.length).trimEnd() : ''
  if (data === '[DONE]') return ''
  try {
    JSON.parse(data)
    return ''
  } catch {
    return data
  }
}

function dataOf(event: string): Sent {
  try {
    return JSON.parse(event.slice('data: '.length)) ?? {}
  } catch {
    return {}
  }
}

/** Whether there is anything where the price looks for text, if only a list of empty ones. */
function bringsSomething(event: string): boolean {
  const { text, thought } = dataOf(event)
  return [text, thought, unreadIn(event)].some(
    (value) => !['undefined', 'null', '""', '[]', '{}'].includes(`${JSON.stringify(value)}`),
  )
}

/** The tokens of the events by the rule: one for so many bytes of text, and not less than one an event that has text. */
function tokensIn(events: readonly string[]): number {
  const texts = events.map((event) => textsIn(event).join(''))
  const bytes = texts.reduce((sum, each) => sum + Buffer.byteLength(each), 0)
  return Math.max(texts.filter((each) => each !== '').length, Math.ceil(bytes / bytesPerToken))
}

function usageIn(event: string): number | undefined {
  const { usage } = dataOf(event)
  const stated = (usage as { total?: unknown } | null | undefined)?.total
  return Number.isSafeInteger(stated) && (stated as number) >= 0 && (stated as number) <= 1e9
    ? (stated as number)
    : undefined
}

describe('the meter', () => {
  test('never falls, and never counts less than the bytes of the text', () => {
    fc.assert(
      fc.property(fc.array(printed, { maxLength: 40 }), (events) => {
        const meter = meterOf(price, request)
        let before = meter.used
        for (const [index, event] of events.entries()) {
          meter.count(Buffer.from(event))
          expect(meter.used).toBeGreaterThanOrEqual(before)
          const so = events.slice(0, index + 1)
          expect(meter.used).toBeGreaterThanOrEqual(requested + tokensIn(so))
          const usages = so.map(usageIn).filter((usage) => usage !== undefined)
          expect(meter.used).toBeGreaterThanOrEqual(Math.max(0, ...usages))
          before = meter.used
        }
      }),
      { numRuns: 500 },
    )
  })

  test('believes the last usage to the token where an upstream is honest', () => {
    const honest = fc.array(fc.string({ minLength: 1, maxLength: 60 }), { minLength: 1 })
    fc.assert(
      fc.property(honest, fc.boolean(), fc.nat({ max: 50 }), (texts, inEach, prompt) => {
        const meter = meterOf(price, request)
        const state = (data: object) =>
          meter.count(Buffer.from(`data: ${JSON.stringify(data)}\n\n`))
        for (const [index, text] of texts.entries()) {
          state({ text, usage: inEach ? { total: prompt + index + 1 } : null })
        }
        if (!inEach) state({ usage: { total: prompt + texts.length } })
        meter.count(Buffer.from('data: [DONE]\n\n'))
        expect(meter.usedInAll).toBe(prompt + texts.length)
      }),
    )
  })
})

/** A hold that can grow as far as there are credits. */
function holdOf(credits: number) {
  const hold = {
    held: Math.min(requested + price.hold.step, credits),
    async ensure({ quantity }: { readonly quantity: number }, extra = price.hold.step) {
      if (quantity > hold.held) hold.held = Math.max(hold.held, Math.min(quantity + extra, credits))
      return quantity > hold.held ? { code: 'insufficient_credits', detail: 'x' } : undefined
    },
    beforeSending: async () => undefined,
    onLost() {},
  }
  return hold
}

interface Ended {
  readonly charged: number | undefined
  readonly held: number
  readonly delivered: readonly string[]
  readonly by: string | undefined
}

/** Relays the events to a client who leaves after so many pieces, with so many credits. */
async function relay(
  events: readonly string[],
  credits: number,
  leaveAfter: number,
): Promise<Ended> {
  const left = [...events]
  const upstream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = left.shift()
      if (next === undefined) controller.close()
      else controller.enqueue(Buffer.from(next))
    },
  })
  const hold = holdOf(credits)
  const { promise: over, resolve: onOver } = Promise.withResolvers<void>()
  let charged: number | undefined
  let by: string | undefined
  let endings = 0
  const clock = new UpstreamClock(60_000)
  const body = meteredStream(
    partsOf(upstream, 'events'),
    meterOf(price, request),
    hold as unknown as Reservation,
    clock,
    {
      countedAt: (quantity) => ({ quantity }),
      countedInAll: (quantity) => ({ quantity }),
      async charge(used, terminatedBy) {
        endings++
        charged = Math.min(used.quantity, hold.held)
        by = terminatedBy
      },
      async void() {
        endings++
      },
      finalEvent: () => Buffer.from('event: error\ndata: {}\n\n'),
      refusalOf: () => ({ code: 'upstream_failed', detail: 'x' }),
      isDue: () => true,
      isBrokenByClient: () => false,
      isCutOff: () => false,
      maxDeliverySeconds: 60,
      onOver,
      log() {},
    },
  )
  const delivered: string[] = []
  const reader = body.getReader()
  for (let pieces = 0; pieces < leaveAfter; pieces++) {
    const { done, value } = await reader.read()
    if (done) break
    const piece = new TextDecoder().decode(value)
    if (!piece.startsWith('event: error')) delivered.push(piece)
    expect(requested + tokensIn(delivered)).toBeLessThanOrEqual(Math.max(hold.held, requested))
  }
  await reader.cancel()
  await over
  clock.stop()
  expect(endings).toBe(1)
  return { charged, held: hold.held, delivered, by }
}

test('what is charged covers what went out, and is held', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(printed, { maxLength: 30 }),
      fc.integer({ min: requested + 1, max: 400 }),
      fc.oneof(fc.constant(1_000), fc.nat({ max: 30 })),
      async (events, credits, leaveAfter) => {
        const { charged, held, delivered, by } = await relay(events, credits, leaveAfter)
        const tokens = tokensIn(delivered)
        if (charged === undefined) {
          expect(tokens).toBe(0)
          return
        }
        expect(charged).toBeLessThanOrEqual(held)
        const last = events.findLastIndex((event) => usageIn(event) !== undefined)
        const stated = usageIn(events[last] ?? '')
        const isLastWord = by === undefined && !events.slice(last + 1).some(bringsSomething)
        if (stated && isLastWord) expect(charged).toBe(Math.min(stated, held))
        else expect(charged).toBeGreaterThanOrEqual(requested + tokens)
      },
    ),
    { numRuns: 1_000 },
  )
})
