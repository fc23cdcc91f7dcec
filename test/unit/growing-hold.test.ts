/** A growing hold says in each extension what was sent so far, and lets no more than a step be sent beyond that. */
import { afterEach, describe, expect, test } from 'bun:test'
import type { Counted, Parts } from '../../events/counted.ts'
import { GrowingHold } from '../../src/gate/reservation/growing-hold.ts'
import type { CallToReserve, Terms } from '../../src/gate/reservation/reservation.ts'
import type { ReserveDeps } from '../../src/gate/reservation/reserve-deps.ts'
import type { AppendResult, Extend, Verdict } from '../../src/ledger/append/call-commands.ts'
import { LedgerUnavailable } from '../../src/ledger/unavailable.ts'
import { boundOf, withQuantity, withTokens } from '../../src/pricing/counting.ts'
import { credits } from '../../src/pricing/price-arithmetic.ts'
import type { MeteredComponent } from '../../src/pricing/price-rule.ts'
import type { TokenPrice } from '../../src/pricing/rules/per-token.ts'
import { sumOf, tokenKinds } from '../../src/pricing/token-kinds.ts'
import { until } from '../support/until.ts'

const price: MeteredComponent = { per: 'byte', unit: 1, credits: 2, hold: { step: 10 } }

let hold: GrowingHold
afterEach(() => hold.end())

/** A hold of one step, whose extensions wait for what the test says of them. */
function openHold(releaseLeases = () => false) {
  return openHoldOf(price, { quantity: 10 }, releaseLeases)
}

function openHoldOf(price: MeteredComponent, bound: Counted, releaseLeases = () => false) {
  const asked: (Extend & { end(result: Verdict | Error, available?: number): void })[] = []
  const append = (command: Extend) => {
    const { promise, resolve, reject } = Promise.withResolvers<AppendResult>()
    asked.push({
      ...command,
      end(result, available = 0) {
        if (result instanceof Error) return reject(result)
        const recordedAt = new Date('2030-01-01T00:00:00Z')
        resolve({
          ...{ verdict: result, shard: 0, position: 9, available, recordedAt },
          sentAtMs: 0,
        })
      },
    })
    return promise
  }
  const deps = {
    config: { limits: { holdSeconds: 600 } },
    appenderOf: () => ({ append }),
    leases: { releaseLeases },
    tariffs: { peek: () => undefined },
    log() {},
  } as unknown as ReserveDeps
  const call = {
    ...{ requestId: 'r', request: new Request('http://x'), startedAtMs: performance.now() },
    route: { id: 'tail', timeoutMs: 1_000 },
  } as unknown as CallToReserve
  const terms = {
    ...{ key: { shard: 0, previousUntil: null }, price, credits: credits(price, bound), ...bound },
  } as unknown as Terms
  hold = new GrowingHold(deps, call, terms, price)
  return asked
}

/** Sends one part more, and resolves to why it may not be sent. */
async function send(quantity: number) {
  return (await hold.ensure({ quantity })) ?? (await hold.beforeSending({ quantity }))
}

const isOpen = async (promise: Promise<unknown>) =>
  (await Promise.race([promise.then(() => 'ended'), Bun.sleep(5).then(() => 'open')])) === 'open'

describe('a growing hold', () => {
  test('is extended early, and says what had been sent by then', async () => {
    const asked = openHold()
    expect(await send(4)).toBeUndefined()
    expect(asked).toHaveLength(0)
    expect(await send(6)).toBeUndefined()
    expect(asked).toMatchObject([{ quantity: 6, credits: 12, sent: { quantity: 4, credits: 8 } }])
  })

  test('lets one step be sent beyond what the ledger knows of, and then waits for it', async () => {
    const asked = openHold()
    await send(6)
    asked[0]?.end('ok')
    expect(await send(7)).toBeUndefined()
    expect(await send(10)).toBeUndefined()
    // 16 are held, and the ledger knows of nothing that was sent. The next extension says it.
    const waiting = send(12)
    expect(await isOpen(waiting)).toBe(true)
    expect(asked.map(({ sent }) => sent?.quantity)).toEqual([undefined, 10])
    asked[1]?.end('ok')
    expect(await waiting).toBeUndefined()
    expect(asked.at(-1)?.kind).toBe('extend')
  })

  test('is cut where the ledger cannot be reached', async () => {
    const asked = openHold()
    await send(6)
    asked[0]?.end('ok')
    await send(10)
    const waiting = send(11)
    expect(await isOpen(waiting)).toBe(true)
    asked[1]?.end(new LedgerUnavailable('away', { mayBeWritten: true }))
    expect(await waiting).toMatchObject({ code: 'ledger_unavailable' })
  })

  test('of which all that was sent is known lets a part of more than a step go', async () => {
    const asked = openHold()
    const sent = send(35)
    asked[0]?.end('ok')
    expect(await sent).toBeUndefined()
    const next = send(36)
    expect(await isOpen(next)).toBe(true)
    asked.at(-1)?.end('ok')
    expect(await next).toBeUndefined()
    expect(asked.at(-1)?.sent).toEqual({ quantity: 35, credits: 70 })
  })

  test('that cannot grow is used up to its end, as long as it can be kept', async () => {
    const asked = openHold()
    await send(6)
    asked[0]?.end('insufficient_credits')
    expect(await send(10)).toBeUndefined()
    expect(await send(11)).toMatchObject({ code: 'insufficient_credits' })
  })

  test('grows by credits that were on lease, which are released for it', async () => {
    let releases = 0
    const asked = openHold(() => ++releases === 1)
    await send(6)
    asked[0]?.end('insufficient_credits')
    await until(() => asked.length === 2)
    asked[1]?.end('ok')
    const sent = send(11)
    await until(() => asked.length === 3)
    asked[2]?.end('ok')
    expect(await sent).toBeUndefined()
    expect(releases).toBe(1)
  })
})

describe('of tokens by kind', () => {
  const rates = { input: 3_000_000, cached: 300_000, cacheWrite: 3_750_000, output: 15_000_000 }
  const chat = {
    ...{ per: 'token', perMillion: rates },
    hold: { bytesPerToken: 3, limit: [], most: 4_096, step: 256 },
  } as unknown as TokenPrice
  const held = boundOf(chat, { bytes: 300, method: 'POST', streams: true })

  /** What an extension says of the first token of a response, whose request was of these kinds. */
  async function sentOf(ofRequest: Parts) {
    const asked = openHoldOf(chat, held)
    const usedAt = (output: number) => {
      const kinds = { ...ofRequest, output }
      return withTokens(chat, held, sumOf(kinds, tokenKinds), kinds)
    }
    for (const used of [usedAt(1), usedAt(301)]) {
      const refused = hold.ensure(used).then((refusal) => refusal ?? hold.beforeSending(used))
      while (await isOpen(refused)) asked.at(-1)?.end('ok')
      expect(await refused).toBeUndefined()
    }
    const { sent } = asked.at(-1) ?? {}
    // It is charged by its quantity and what was held.
    expect(credits(chat, withQuantity(chat, held, sent?.quantity ?? 0))).toBe(sent?.credits ?? 0)
    return { said: sent?.credits, cost: credits(chat, usedAt(1)) }
  }

  test('says the cost of the kinds that the response has said of its request', async () => {
    const { said, cost } = await sentOf({ input: 10, cached: 100_000 })
    expect(cost).toBe(30_045)
    expect(said).toBe(30_045)
  })

  test('says no more than that where it is less than what is held for the request', async () => {
    const { said, cost } = await sentOf({ input: 0, cached: 100 })
    expect(cost).toBe(45)
    expect(said).toBe(45)
  })
})
