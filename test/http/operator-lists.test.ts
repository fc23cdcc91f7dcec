/** Where operators look: accounts by owner, key and debt, the log from its end, statements of anyone, and what prices will change. */
import { afterAll, describe, expect, test } from 'bun:test'
import { tariffOf } from '../../src/config/tariff.ts'
import { openTestApp } from '../support/management-test-app.ts'

const app = await openTestApp({ shards: 3 })
const { ask, get, issue, charge, ledger, config, catchUp } = app
afterAll(() => app[Symbol.asyncDispose]())

const keys: { id: string; accountId: string }[] = []
for (const owner of ['Nora Ångström', 'otto_100%', 'ada']) keys.push(await issue(owner))
const [nora, otto, ada] = keys as [
  { id: string; accountId: string },
  { id: string; accountId: string },
  { id: string; accountId: string },
]

describe('GET /admin/accounts', () => {
  const found = async (query: string) =>
    (await get('auditor', 'GET', `/admin/accounts?${query}`)).accounts.map(
      ({ accountId }: { accountId: string }) => accountId,
    )

  test('finds an owner by a part of the id, and an account by its id or that of a key', async () => {
    expect(await found('search=ÅNG')).toEqual([nora.accountId])
    // What a pattern would take for any text is a text.
    expect(await found('search=0%25')).toEqual([otto.accountId])
    expect(await found('search=_')).toEqual([otto.accountId])
    expect(await found(`search=${ada.accountId}`)).toEqual([ada.accountId])
    expect(await found(`search=${ada.id}`)).toEqual([ada.accountId])
    expect(await found('search=nobody')).toEqual([])
  })

  test('finds those that owe credits', async () => {
    expect(await found('owes=true')).toEqual([])
    await get('admin', 'POST', `/admin/accounts/${otto.accountId}/adjustments`, { credits: 5_000 })
    expect(await found('owes=true')).toEqual([otto.accountId])
    expect(await found('owes=false')).toHaveLength(2)
  })
})

test('GET /admin/api-keys: those of an account', async () => {
  const { apiKeys } = await get('auditor', 'GET', `/admin/api-keys?accountId=${nora.accountId}`)
  expect(apiKeys.map(({ id }: { id: string }) => id)).toEqual([nora.id])
})

describe('GET /admin/events?order=newest', () => {
  interface Page {
    readonly events: readonly { position: string; recordedAt: string; type: string }[]
    readonly nextCursor: string | null
  }
  async function all(query: string): Promise<Page['events']> {
    const events: Page['events'][number][] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: Page = await get(
        'auditor',
        'GET',
        `/admin/events?order=newest&limit=3&${query}${cursor && `&cursor=${cursor}`}`,
      )
      events.push(...page.events)
      cursor = page.nextCursor
    }
    return events
  }

  test('has every event once, over all shards in the order of their times', async () => {
    await charge(nora.id, 2)
    // Three at one time, in three shards.
    for (const { accountId } of keys) {
      await get('admin', 'POST', `/admin/accounts/${accountId}/grants`, {
        ...{ credits: 1, kind: 'promotional' },
      })
    }
    const found = await all('')
    const oldest = (await get('auditor', 'GET', '/admin/events?limit=200')).events as Page['events']
    expect(found.length).toBeGreaterThan(10)
    expect(found.map(({ position }) => position).sort()).toEqual(
      oldest.map(({ position }) => position).sort(),
    )
    const times = found.map(({ recordedAt }) => recordedAt)
    expect(times).toEqual([...times].sort().reverse())
    for (const shard of [0, 1, 2]) {
      const positions = found
        .map(({ position }) => position.split('-').map(Number))
        .filter(([of]) => of === shard)
        .map(([, position]) => position ?? 0)
      expect(positions).toEqual([...positions].sort((a, b) => b - a))
    }
  })

  test('of an account, a key, a type, and without calls', async () => {
    const ofNora = await all(`accountId=${nora.accountId}`)
    expect(ofNora.map(({ type }) => type)).toContain('HoldSettled')
    expect(ofNora.at(-1)?.type).toBe('AccountOpened')
    const rare = await all(`accountId=${nora.accountId}&calls=false`)
    expect(rare.map(({ type }) => type)).not.toContain('HoldSettled')
    const ofKey = await all(`keyId=${nora.id}&type=KeyIssued`)
    expect(ofKey).toHaveLength(1)
    expect(await all('accountId=acc_none')).toEqual([])
  })
})

test('GET /admin/accounts/:id/statements/:month: as its owner reads it', async () => {
  const month = ledger.now.toISOString().slice(0, 7)
  for (const format of ['', '?format=csv', '?format=html']) {
    const own = await ask('Nora Ångström', 'GET', `/account/statements/${month}${format}`)
    const path = `/admin/accounts/${nora.accountId}/statements/${month}${format}`
    const read = await ask('auditor', 'GET', path)
    expect([read.status, await read.text()]).toEqual([200, await own.text()])
  }
  expect((await ask('auditor', 'GET', `/admin/accounts/acc_none/statements/${month}`)).status).toBe(
    404,
  )
})

test('GET /admin/prices: what is announced, and what it changes', async () => {
  const before = await get('auditor', 'GET', '/admin/prices')
  expect(before).toMatchObject({ announced: [], changes: [] })
  const tariff = tariffOf(config)
  const { pro } = tariff.plans
  if (!pro) throw new Error('the shipped configuration has the plan pro')
  const from = new Date(ledger.now.getTime() + 86_400_000)
  const next = { ...tariff, plans: { ...tariff.plans, pro: { ...pro, credits: 6_000 } } }
  await ledger.publish(next, from)
  const { changes, announced } = await get('auditor', 'GET', '/admin/prices')
  expect(announced).toHaveLength(1)
  expect(changes).toEqual([
    {
      from: from.toISOString(),
      changes: [{ path: 'plans.pro.credits', before: 5_000, after: 6_000 }],
    },
  ])
})

test('GET /admin/calls/:requestId: with its events, reasons, and the price that it was sold by', async () => {
  const requestId = await charge(ada.id, 7)
  await get('admin', 'POST', `/admin/charges/${requestId}/refund`, { credits: 2, reason: 'Sorry' })
  await catchUp()
  const { call, price, events } = await get('auditor', 'GET', `/admin/calls/${requestId}`)
  expect(call).toMatchObject({ status: 'settled', credits: 7, refunded: 2 })
  expect(price.plan).toBeNull()
  expect(price.words).toContain('1 credit')
  expect(events.map(({ type, reason }: Record<string, string>) => [type, reason])).toEqual([
    ['CreditsHeld', undefined],
    ['HoldSettled', undefined],
    ['ChargeRefunded', 'Sorry'],
  ])
})
