/** The balances refuse an event that would leave a balance below 0, whoever wrote it: the second line of defence behind the append. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
let key: TestKey
let lot: number
beforeAll(async () => {
  ledger = await openLedger()
  const account = await ledger.account({ plan: 'pro' })
  key = await ledger.key(account)
  await ledger.grant(account, 70)
  await ledger.hold(key, 30)
  const [row] = await ledger.owner<[{ lot: number }]>`
    select lot from lots where held > 0 and account_id = ${key.accountId}`
  lot = row.lot
})
afterAll(() => ledger.close())

test.each([
  [
    'more is held than is free',
    'free',
    { type: 'CreditsHeld', held: 1_000_000, payload: '{"holdSeconds":60}' },
  ],
  ['more is freed than is held', 'held', { type: 'HoldReleased', held: -31 }],
  ['more is settled than there is', 'free', { type: 'HoldSettled', held: -30, moved: 1_000_000 }],
  ['less than nothing is settled', 'settled', { type: 'HoldSettled', held: -30, moved: -1 }],
  ['more calls end than are open', 'open_holds', { type: 'HoldReleased', held: 0, slots: 2 }],
  [
    'more is repaid than is owed',
    'debt',
    { type: 'CreditsAdjusted', credits: 1, payload: '{"repaysDebt":true}' },
  ],
])('%s', async (_, column, event) => {
  const {
    type,
    held,
    moved,
    slots = null,
    credits = 0,
    payload = '{}',
  } = {
    ...{ held: null, moved: null },
    ...(event as {
      type: string
      held?: number
      moved?: number
      slots?: number
      credits?: number
      payload?: string
    }),
  }
  const written = ledger.owner`
    insert into events (shard, position, recorded_at, occurred_at, type, account_id, key_id, mode, request_id, endpoint, tariff,
      credits, quantity, slots, lots, held, moved, actor, instance, payload, login, event_hash)
    select 0, position + 1, now(), now(), ${type}, ${key.accountId}, ${key.keyId}, 'live', ${crypto.randomUUID()},
      case when ${slots}::integer is null then 'search' end, 'none', ${credits}, 1, ${slots}, ${held === null ? null : [lot]}::bigint[],
      ${held === null ? null : [held]}::bigint[], ${moved === null ? null : [moved]}::bigint[], 'vandal', 'vandal',
      ${payload}::text::json, 'vandal', '\\x00'
    from heads where shard = 0`
  const refusal = await Promise.resolve(written).catch((error: unknown) => error)
  expect(refusal).toMatchObject({ code: '23502', column_name: column })
})
