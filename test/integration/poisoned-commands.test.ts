/**
 * A command with a value that the ledger cannot carry, decide or give back, in any of its fields, beside healthy ones in the
 * same batch: it alone is refused, its neighbours go through, and so do later batches. What stands in the log afterwards can
 * be read, projected and rebuilt.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { batchColumns, packBatch } from '../../src/ledger/append/batch.ts'
import type { CallCommand } from '../../src/ledger/append/call-commands.ts'
import { CommandRefused } from '../../src/ledger/unavailable.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { compareWithProjections } from '../support/compare.ts'
import * as commands from '../support/gateway.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { openProducer } from '../support/producer.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
let key: TestKey
beforeAll(async () => {
  ledger = await openLedger()
  key = await newKey()
})
afterAll(() => ledger.close())

/** Of an account of its own: nothing is left over from the field before. */
async function newKey(): Promise<TestKey> {
  const account = await ledger.account({ plan: 'none' })
  await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 1_000 })
  await ledger.grant(account, 1_000)
  return ledger.key(account)
}

const megabytes10 = 'x'.repeat(10 * 1024 * 1024)

/** Values that a field of this type cannot have, by what is wrong with them. */
function poisons(value: unknown): Readonly<Record<string, unknown>> {
  const common = { nothing: undefined, null: null, 'an object': { toString: () => '1\n2' } }
  if (typeof value === 'number') {
    return {
      ...common,
      ...{ NaN: Number.NaN, infinity: Number.POSITIVE_INFINITY, 'a negative': -1, 'a part': 1.5 },
      ...{ '2^31': 2 ** 31, '2^53': 2 ** 53, '2^63': 2 ** 63, 'a huge one': 1e300, 'a text': 'x' },
    }
  }
  if (typeof value === 'boolean') return { ...common, 'a text': 'x', 'a number': 7 }
  return {
    ...common,
    ...{ empty: '', NUL: 'a\0b', 'a second line': 'a\nb', 'half a pair': 'a\ud800' },
    ...{ 'a backslash': '\\u0000', 'quotes and braces': '"}\'{', 'a number': 5 },
    'no such thing': 'nonsense',
    '10 MB': megabytes10,
  }
}

type Fields = Record<string, unknown>

/** Makes healthy commands of each kind, each about a hold of its own. */
const makers: Readonly<Record<string, () => Promise<CallCommand>>> = {
  hold: async () => commands.holdCommand(key, 1, { claim: claim() }),
  lease: async () => commands.leaseCommand(key, 2, 2),
  extend: async () => commands.extendCommand(key, await held(), 1),
  charge_on_lease: async () => commands.chargeOnLeaseCommand(key, await leased(), 1),
  void_on_lease: async () => commands.voidOnLeaseCommand(key, await leased()),
  settle: async () =>
    commands.settleCommand(await held(), 1, {
      ...{ shortfall: 1, terminatedBy: 'client', alreadyDelivered: true },
    }),
  release: async () => commands.releaseCommand(await held(), { status: 500 }),
  expire: async () => commands.expireCommand(await held()),
  count: async () => commands.countCommand(key, 1, { errors: 1 }),
}

const claim = () => ({ key: crypto.randomUUID(), requestHash: 'of the request' })
const held = async () => (await ledger.hold(key, 1)).hold
async function leased() {
  const lease = commands.leaseCommand(key, 2, 2)
  expect((await ledger.append(lease)).verdict).toBe('ok')
  return lease
}

/** Each field of a command, the fields of its claim among them. */
function fieldsOf(command: CallCommand): readonly (readonly [string, unknown])[] {
  return Object.entries(command).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).map(([inner, part]) => [`${name}.${inner}`, part] as const)
      : [[name, value] as const],
  )
}

function withField(command: CallCommand, field: string, value: unknown): CallCommand {
  const [name = '', inner] = field.split('.')
  const fields = command as unknown as Fields
  const changed = inner === undefined ? value : { ...(fields[name] as Fields), [inner]: value }
  return { ...fields, [name]: changed } as unknown as CallCommand
}

/** What was accepted though it is poisoned, as `kind field: what is wrong`. */
const accepted: string[] = []

test.each(Object.entries(makers))('%s: in every field', async (kind, make) => {
  const faults: string[] = []
  for (const [field, value] of fieldsOf(await make())) {
    const wrong = Object.entries(poisons(value))
    key = await newKey()
    const poisoned = await Promise.all(
      wrong.map(async ([, poison]) => withField(await make(), field, poison)),
    )
    const batch = poisoned.flatMap((command) => [commands.holdCommand(key, 1), command])
    const results = await Promise.allSettled(batch.map(ledger.append))
    results.forEach((result, i) => {
      const name = `${kind} ${field}: ${wrong[i >> 1]?.[0]}`
      const isNeighbour = i % 2 === 0
      const outcome =
        result.status === 'fulfilled' ? result.value.verdict : (result.reason as Error).name
      if (isNeighbour && outcome !== 'ok') faults.push(`beside ${name}: ${outcome}`)
      if (!isNeighbour && outcome === 'ok') accepted.push(name)
      if (
        !isNeighbour &&
        result.status === 'rejected' &&
        !(result.reason instanceof CommandRefused)
      )
        faults.push(`${name}: ${outcome}`)
    })
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
  }
  expect(faults).toEqual([])
})

test('sent past the gateway’s own checks, with its role: what no reader could take is refused', async () => {
  const columnOf = (name: string) => batchColumns.findIndex((column) => column.name === name)
  const { send } = await openProducer(ledger.sql)
  const release = commands.releaseCommand(await held())
  for (const [command, column, text, constraint] of [
    [commands.countCommand(key, 1), 'endpoint', 'x'.repeat(501), 'names_are_short'],
    [release, 'payload', '{"reason":"\\u0000"}', 'payload_is_readable'],
    [release, 'payload', '{"reason":"\\ud800"}', 'payload_is_readable'],
    [release, 'payload', '{"reason":"\\uDC00"}', 'payload_is_readable'],
    [release, 'payload', '{"reason":"\\\\\\uD800"}', 'payload_is_readable'],
    [release, 'payload', `{"reason":"${'x'.repeat(65_536)}"}`, 'payload_is_short'],
    [release, 'actor', 'x'.repeat(501), 'payload_is_short'],
  ] as const) {
    const columns = packBatch([command]).with(columnOf(column), text)
    const sent = send([command], { sequence: 1, says: { columns } })
    await expect(sent).rejects.toThrow(constraint)
  }
})

test('sent past the gateway’s own checks, a claim that the command was not decided by is refused', async () => {
  const columnOf = (name: string) => batchColumns.findIndex((column) => column.name === name)
  const { send } = await openProducer(ledger.sql)
  const claim = { key: 'claimed', requestHash: 'request' }
  for (const [command, payload] of [
    [
      commands.holdCommand(key, 1),
      '{"claim":"claimed","holdSeconds":60,"keyVersion":1,"requestHash":"request"}',
    ],
    [commands.holdCommand(key, 1), '{"\\u0063laim":"claimed","holdSeconds":60,"keyVersion":1}'],
    [commands.holdCommand(key, 1, { claim }), '{"holdSeconds":60,"keyVersion":1}'],
    [
      commands.holdCommand(key, 1, { claim }),
      '{"claim":"claimed","holdSeconds":60,"keyVersion":1,"requestHash":"another"}',
    ],
  ] as const) {
    const columns = packBatch([command]).with(columnOf('payload'), payload)
    const sent = send([command], { sequence: 1, says: { columns } })
    await expect(sent).rejects.toThrow('the payload claims another Idempotency-Key')
  }
})

test('a field of two lines, which could be hashed as two fields, is refused', async () => {
  for (const column of ['request_id', 'endpoint', 'tariff', 'actor']) {
    const forged = ledger.owner.unsafe(`
      insert into events
      select (jsonb_populate_record(e, jsonb_build_object('position', h.position + 1000, '${column}', E'a\\nb'))).*
      from events e join heads h on h.shard = e.shard where type = 'CreditsGranted' limit 1`)
    await expect(forged).rejects.toThrow('fields_have_one_line')
  }
  const { accountId } = key
  const granted = ledger.management`
    select grant_v1(0::smallint, jsonb_build_object('instance', 'thief', 'sentAt', ledger_now()), 'two lines', 'hash', ${accountId},
      'live', 1, ${'{"kind":"promotional",\n"startsAt":"2030-01-01T00:00:00.000Z"}'}, null, 'admin:forged')`
  await expect(granted).rejects.toThrow('fields_have_one_line')
})

test('sent past the gateway’s own checks, a key that is not there buys nothing, and no slots are freed that none had', async () => {
  const columnOf = (name: string) => batchColumns.findIndex((column) => column.name === name)
  const { send } = await openProducer(ledger.sql)
  const stranger = commands.holdCommand({ ...key, keyId: 'key_of_nobody' }, 1)
  const columns = packBatch([stranger]).with(columnOf('key_version'), '')
  expect((await send([stranger], { says: { columns } })).verdicts).toEqual(['stale_key'])

  const [account] = await ledger.sql<{ in_flight: number }[]>`
    select open_holds as in_flight from balances where account_id = ${key.accountId} and mode = 'live'`
  const release = commands.releaseCommand(await held())
  const many = Array.from({ length: 1_500 }, () => commands.holdCommand(key, 0))
  const batch = [release, ...many]
  const slots = ['900', ...many.map(() => '')].join('\n')
  const endpoints = ['', ...many.map(({ endpoint }) => endpoint)].join('\n')
  const forged = packBatch(batch)
    .with(columnOf('slots'), slots)
    .with(columnOf('endpoint'), endpoints)
  const result = await send(batch, { says: { columns: forged } })
  const granted = result.verdicts?.slice(1).filter((verdict) => verdict === 'ok').length ?? 0
  const limit = 1_000
  expect((account?.in_flight ?? 0) + granted).toBeLessThanOrEqual(limit)
})

test('a text with a backslash is a text like any other', async () => {
  key = await newKey()
  const reason = 'C:\\users\\udo \\u0000 \\ud800' as never
  const release = await ledger.append(commands.releaseCommand(await held(), { reason }))
  expect(release.verdict).toBe('ok')
  const [event] = await ledger.sql`
    select payload ->> 'reason' as reason from events where position = ${release.position}`
  expect(event).toEqual({ reason })
})

test('only what is harmless was accepted: other names, and nothing where there may be nothing', () => {
  // Extensions and voids do not write the plan and whether it has tiers; a settlement writes it as a text that `verify` compares.
  const harmless =
    /: (no such thing|quotes and braces|2\^31|null)$|(status|shortfall|terminatedBy|alreadyDelivered): |reason: a (second line|backslash)|^(extend|void_on_lease) (plan|tiered): |^settle (plan|tiered): (nothing|empty|a second line|a backslash)$/
  expect(accepted.filter((name) => !harmless.test(name))).toEqual([])
})

test('what stands in the log can be read, and means what the projections hold', async () => {
  await catchUpAll(ledger.sql)
  expect(breachesOf(await readLog(ledger.sql))).toEqual([])
  expect(await compareWithProjections(ledger.sql)).toEqual([])
})
