/** How much there can be: of one amount, of an account's credits, and of time. What is too much is refused by name. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Value } from '@sinclair/typebox/value'
import fc from 'fast-check'
import { catalogue } from '../../events/catalogue.ts'
import type { CallCommand, Verdict } from '../../src/ledger/append/call-commands.ts'
import { countCommand, holdCommand, settleCommand } from '../support/gateway.ts'
import { openProducer } from '../support/producer.ts'
import { type Ledger, openLedger, type TestKey, testTariff } from '../support/test-ledger.ts'

const maxAmount = 1_000_000_000_000
const tooMuch = 'amount_out_of_range' satisfies Verdict
const maxUnspent = 1_000_000_000_000_000

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

async function richKey(grants = 2): Promise<TestKey> {
  const account = await ledger.account({ plan: 'none' })
  for (let i = 0; i < grants; i++) await ledger.grant(account, maxAmount)
  return ledger.key(account)
}

/** Who sends a management command, and when. */
const sender = () => JSON.stringify({ instance: 'thief', sentAt: ledger.now.toISOString() })

/** The management functions as whoever has stolen the gateway's role can call them. */
async function record(events: object[], expected: object[] = []) {
  const id = crypto.randomUUID()
  const [row] = await ledger.sql`
    select record_v1(0::smallint, ${sender()}::text::jsonb, ${id}, 'hash', ${JSON.stringify(expected)}::text::jsonb,
      ${JSON.stringify(events.map((event) => ({ actor: 'thief', ...event })))}::text::jsonb) as result`
  return row?.result
}

async function refuses(attempt: () => Promise<unknown>, message: RegExp): Promise<void> {
  const before = await ledger.size()
  const error = await attempt().then(
    () => new Error('accepted'),
    (error) => error,
  )
  expect(error.message).toMatch(message)
  expect(await ledger.size()).toBe(before)
}

describe('an amount', () => {
  test('of a call is at most 10^12, and a larger one is refused beside others that are not', async () => {
    const key = await richKey()
    const { send } = await openProducer(ledger.sql)
    const good = holdCommand(key, maxAmount)
    const bad = [maxAmount + 1, Number.MAX_SAFE_INTEGER, -1].map((credits) => ({
      ...holdCommand(key, 1),
      credits,
    }))
    const counted = [maxAmount + 1, -1].map((quantity) => ({ ...holdCommand(key, 1), quantity }))
    const nothing = { ...holdCommand(key, 1), credits: null } as unknown as CallCommand
    const result = await send([...bad, good, ...counted, nothing])
    expect(result.verdicts).toEqual([
      ...([tooMuch, tooMuch, tooMuch, 'ok'] as const),
      ...([tooMuch, tooMuch, tooMuch] as const),
    ])
    const settled = settleCommand(good, maxAmount)
    expect(
      (await send([{ ...settled, quantity: 1e15 }, { ...settled, credits: -5 }, settled])).verdicts,
    ).toEqual([tooMuch, tooMuch, 'ok'])
  })

  test('of a hold that grows is at most 10^12 altogether', async () => {
    const key = await richKey()
    const { hold } = await ledger.hold(key, maxAmount - 1)
    expect((await ledger.extend(key, hold, 2)).verdict).toBe(tooMuch)
    expect((await ledger.extend(key, hold, 1)).verdict).toBe('ok')
    expect((await ledger.settle(hold, maxAmount)).verdict).toBe('ok')
  })

  test('of counted calls is at most 10^12 in every field', async () => {
    const key = await richKey(0)
    const { verdicts } = await openProducer(ledger.sql)
    const counts = [
      { calls: maxAmount + 1 },
      { errors: 1e13 },
      { latencyMsSum: 1e13 },
      { errors: null as unknown as number },
      { calls: 1 },
    ].map((more) => ({ ...countCommand(key, 1), ...more }))
    expect(await verdicts(counts)).toEqual([tooMuch, tooMuch, tooMuch, tooMuch, 'ok'])
  })

  test('of a tariff is at most 10^12, whoever publishes it', async () => {
    const { plans, prices } = testTariff
    const free = plans.free as NonNullable<typeof plans.free>
    const tariff = { hash: 'a'.repeat(64), from: ledger.now.toISOString(), plans, prices }
    const publish = (changed: object) =>
      record([{ type: 'TariffPublished', payload: JSON.stringify({ ...tariff, ...changed }) }])
    for (const plan of [
      { credits: Number.MAX_SAFE_INTEGER },
      { credits: maxAmount + 1 },
      { fee: { minorUnits: maxAmount + 1, currency: 'EUR' } },
      { rateLimit: 2 ** 31 },
    ]) {
      await refuses(() => publish({ plans: { free: { ...free, ...plan } } }), /does not fit/)
    }
    const dear = {
      search: { per: 'character', unit: 1, credits: maxAmount + 1, hold: { text: '' } },
    }
    await refuses(() => publish({ prices: dear }), /does not fit/)
    expect(await ledger.publish(testTariff)).toBeString()
  })

  test('of a key, a grant, an adjustment or a refund is at most 10^12, whoever sends it', async () => {
    const key = await richKey()
    const { accountId, version } = key.account
    const cap = JSON.stringify({ monthlyCap: maxAmount + 1 })
    await refuses(
      () =>
        record(
          [
            {
              type: 'KeyLimitsChanged',
              ...{ accountId, keyId: key.keyId, mode: 'live' },
              payload: cap,
            },
          ],
          [{ stream: 'key', id: key.keyId, version: key.version }],
        ),
      /does not fit/,
    )
    expect(version).toBeNumber()
    const payload = JSON.stringify({ kind: 'promotional', startsAt: ledger.now.toISOString() })
    for (const credits of [maxAmount + 1, 0, -1]) {
      const [granted] = await ledger.sql`
        select grant_v1(0::smallint, ${sender()}::text::jsonb, ${crypto.randomUUID()}, 'hash', ${accountId}, 'live', ${credits}, ${payload},
          null, 'thief') as result`
      expect(granted?.result).toEqual({ verdict: tooMuch })
      const [adjusted] = await ledger.sql`
        select adjust_v1(0::smallint, ${sender()}::text::jsonb, ${crypto.randomUUID()}, 'hash', ${accountId}, 'live', ${credits}, '{}',
          null, 'thief') as result`
      expect(adjusted?.result).toEqual({ verdict: tooMuch })
    }
  })

  test('of imported usage is at most 10^12, and lies before now', async () => {
    const { keyId, accountId } = await richKey(0)
    const line = { time: '2030-01-01T00:00:00Z', endpoint: 'search', calls: 1, credits: 1 }
    const counts = '{"errors":0,"latencyMsSum":0}'
    const send = (changed: object) => ledger.sql`
      select import_usage_v1(0::smallint, ${sender()}::text::jsonb, ${crypto.randomUUID()}, 'hash', ${accountId}, ${keyId}, 'live',
        ${JSON.stringify([{ ...line, payload: counts, ...changed }])}::text::jsonb, 'thief') as result`
    for (const changed of [
      { calls: maxAmount + 1 },
      { credits: -1 },
      { credits: null },
      { endpoint: null },
      { time: '2031-01-01T00:00:00Z' },
      { time: '1800-01-01T00:00:00Z' },
      { payload: '{}' },
      { payload: '{"errors":10000000000000,"latencyMsSum":0}' },
      { payload: '{"errors":1e2,"latencyMsSum":0}' },
    ]) {
      await refuses(() => send(changed), /line of usage|does not fit/)
    }
    const [row] = await send({})
    expect(row?.result.verdict).toBe('ok')
  })
})

describe("an account's credits", () => {
  test('are at most 10^15 unspent beside the allowance, and the rest is refused by name', async () => {
    const account = await ledger.account({ plan: 'free' })
    const key = await ledger.key(account)
    await ledger.owner`
      select grant_v1(0::smallint, ${sender()}::text::jsonb, 'many ' || n, 'hash', ${account.accountId}, 'live', ${maxAmount},
        ${JSON.stringify({ kind: 'promotional', startsAt: ledger.now.toISOString() })}, null, 'test')
      from generate_series(1, 999) n`
    const nearly = maxAmount - 5
    expect(await ledger.grant(account, nearly)).toMatchObject({ verdict: 'ok' })
    expect(await ledger.grant(account, 6)).toEqual({ verdict: 'too_many_credits', room: 5 })
    expect(await ledger.grant(account, 5)).toMatchObject({ verdict: 'ok' })
    expect(await ledger.grant(account, 1)).toEqual({ verdict: 'too_many_credits', room: 0 })
    // The month's allowance comes all the same: no call fails because of what was granted.
    const { hold, verdict, available } = await ledger.hold(key, maxAmount)
    expect([verdict, available]).toEqual(['ok', maxUnspent + 100 - maxAmount])
    // What a hold holds is not spent yet.
    expect((await ledger.grant(account, 1)).verdict).toBe('too_many_credits')
    await ledger.settle(hold, 70)
    // The allowance paid for it.
    expect(await ledger.grant(account, 1)).toEqual({ verdict: 'too_many_credits', room: 0 })
    const charge = await ledger.hold(key, 40)
    await ledger.settle(charge.hold, 40)
    expect(await ledger.grant(account, 10)).toMatchObject({ verdict: 'ok' })
    const refund = { requestId: charge.hold.requestId, credits: 1, actor: 'test' }
    expect(await ledger.commands.refund(0, refund)).toEqual({
      verdict: 'too_many_credits',
      room: 0,
    })
  })

  test('are owed up to 10^15', async () => {
    const account = await ledger.account({ plan: 'none' })
    const { accountId } = account
    await ledger.owner`
      select adjust_v1(0::smallint, ${sender()}::text::jsonb, 'take ' || n, 'hash', ${accountId}, 'live', ${maxAmount}, '{}', null, 'test')
      from generate_series(1, 1000) n`
    const more = { accountId, mode: 'live', credits: 1, actor: 'test' } as const
    expect(await ledger.commands.adjust(0, more)).toEqual({ verdict: 'too_many_credits', room: 0 })
    expect(await ledger.grant(account, maxAmount)).toMatchObject({ verdict: 'ok' })
    expect(await ledger.commands.adjust(0, more)).toMatchObject({ verdict: 'ok', debt: 1 })
  })
})

describe('a time', () => {
  const outside = [
    '2200-01-01T00:00:00Z',
    '9999-12-31T00:00:00Z',
    '0001-01-01T00:00:00Z',
    '1969-12-31T23:59:59Z',
    'infinity',
    '-infinity',
    'now',
  ]

  test('of a grant lies from 1970 on and before 2200, whoever sends it', async () => {
    const account = await ledger.account()
    for (const time of outside) {
      await expect(ledger.grant(account, 1, { expiresAt: time })).rejects.toThrow(TypeError)
      for (const field of ['startsAt', 'expiresAt']) {
        const payload = { kind: 'paid', startsAt: ledger.now.toISOString(), [field]: time }
        await refuses(
          () => ledger.sql`
            select grant_v1(0::smallint, ${sender()}::text::jsonb, ${crypto.randomUUID()}, 'hash', ${account.accountId}, 'live', 1,
              ${JSON.stringify(payload)}, null, 'thief')`,
          /does not fit/,
        )
      }
    }
    const last = { expiresAt: '2199-12-31T23:59:59.999Z' }
    expect(await ledger.grant(account, 1, last)).toMatchObject({ verdict: 'ok' })
  })

  test('of a key, a plan or a tariff does, too', async () => {
    const key = await richKey(0)
    const { accountId } = key
    const { plans, prices } = testTariff
    const fee = { minorUnits: 0, currency: 'EUR' }
    for (const time of outside) {
      await refuses(() => ledger.change(key, 'KeyUpdated', { expiresAt: time }), /KeyUpdated/)
      const ofKey = { type: 'KeyUpdated', accountId, keyId: key.keyId, mode: 'live' }
      const expected = [
        { stream: 'key', id: key.keyId, version: key.version },
        { stream: 'account', id: accountId, version: key.account.version },
      ]
      for (const event of [
        { ...ofKey, payload: JSON.stringify({ expiresAt: time }) },
        {
          type: 'PlanStarted',
          accountId,
          payload: JSON.stringify({ plan: 'free', from: time, fee }),
        },
        {
          type: 'TariffPublished',
          payload: JSON.stringify({ hash: 'b'.repeat(64), from: time, plans, prices }),
        },
      ]) {
        await refuses(() => record([event], expected), /does not fit/)
      }
    }
  })
})

describe('the functions of management', () => {
  test('take the types of their streams, and nothing else', async () => {
    const key = await richKey(0)
    const { accountId, keyId } = key
    const expected = [
      { stream: 'key', id: keyId, version: key.version },
      { stream: 'account', id: accountId, version: key.account.version },
    ]
    await refuses(
      () => record([{ type: 'NoSuchType', payload: '{}' }]),
      /no event of type NoSuchType/,
    )
    await refuses(() => record([{ payload: '{}' }]), /no event of type/)
    for (const [type, { stream }] of Object.entries(catalogue)) {
      if (stream !== 'credits') continue
      await refuses(
        () =>
          record(
            [{ type, accountId, keyId, mode: 'live', payload: '{"errors":0,"latencyMsSum":0}' }],
            expected,
          ),
        /does not fit|not recorded like this/,
      )
    }
  })

  test('take events that name what their stream is of, and payloads of their type', async () => {
    const key = await richKey(0)
    const { accountId, keyId } = key
    const expected = [
      { stream: 'key', id: keyId, version: key.version },
      { stream: 'account', id: accountId, version: key.account.version },
    ]
    const { plans, prices } = testTariff
    const tariff = JSON.stringify({
      hash: 'c'.repeat(64),
      from: ledger.now.toISOString(),
      plans,
      prices,
    })
    for (const event of [
      { type: 'AccountFrozen', payload: '{}' },
      { type: 'AccountFrozen', accountId, keyId, payload: '{}' },
      { type: 'AccountFrozen', accountId, mode: 'live', payload: '{}' },
      { type: 'AccountFrozen', accountId: 'a\nb', payload: '{}' },
      { type: 'KeyDisabled', keyId, mode: 'live', payload: '{}' },
      { type: 'KeyDisabled', accountId, mode: 'live', payload: '{}' },
      { type: 'KeyDisabled', accountId, keyId, payload: '{}' },
      { type: 'KeyDisabled', accountId, keyId, mode: 'both', payload: '{}' },
      { type: 'KeyDisabled', accountId, keyId, mode: 'live', payload: '[]' },
      { type: 'KeyDisabled', accountId, keyId, mode: 'live', payload: 'null' },
      { type: 'KeyDisabled', accountId, keyId, mode: 'live' },
      { type: 'KeyUpdated', accountId, keyId, mode: 'live', payload: '{"endpoints":["\\u0000"]}' },
      { type: 'KeyUpdated', accountId, keyId, mode: 'live', payload: '{"endpoints":"search"}' },
      { type: 'TariffPublished', accountId, payload: tariff },
      {
        type: 'TariffPublished',
        payload: tariff.replace(
          '"plans":{"free":{',
          '"plans":{"free":{"prices":{"search":{"per":"request","credits":1000000000001}},',
        ),
      },
      { type: 'TariffPublished', payload: '{}' },
    ]) {
      await refuses(() => record([event], expected), /.+/)
    }
    const frozen = { type: 'AccountFrozen', accountId, payload: '{}' }
    expect(await record([frozen], expected)).toMatchObject({ verdict: 'ok' })
  })

  test('judge a payload as the program does', async () => {
    const types = Object.entries(catalogue)
    const written = await Bun.file(`${import.meta.dir}/../fixtures/events-as-written.json`).json()
    const value = fc.oneof(
      ...[
        fc.constant(null),
        fc.boolean(),
        fc.integer(),
        fc.constant(maxAmount + 1),
        fc.constant(-1),
      ],
      ...[
        fc.constant('2030-02-30T00:00:00Z'),
        fc.constant('2200-01-01T00:00:00Z'),
        fc.constant('x'),
        fc.constant([]),
      ],
      ...[
        fc.constant({}),
        fc.constant('f'.repeat(64)),
        fc.constant('2031-01-01T00:00:00+02:00'),
        fc.constant(0.5),
      ],
    )
    const changes = fc.record({
      type: fc.constantFrom(...types),
      at: fc.nat(20),
      value,
      drop: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(changes, async ({ type: [type, { payload: schema }], at, value, drop }) => {
        const payload = structuredClone(written[type]?.payload ?? written[type] ?? {})
        const fields = Object.keys(payload)
        const field = fields[at % Math.max(fields.length, 1)]
        if (field !== undefined && drop) delete payload[field]
        else if (field !== undefined) payload[field] = value
        const fits =
          await ledger.owner`select check_payload(${type}, ${JSON.stringify(payload)})`.then(
            () => true,
            () => false,
          )
        expect([type, payload, fits]).toEqual([type, payload, Value.Check(schema, payload)])
      }),
      { numRuns: 300, seed: 7 },
    )
  })
})
