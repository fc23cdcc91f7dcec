/**
 * Each column of the tables beside the log is changed, in every row of them, and verify names the change. What no rule can tell
 * stands in `unseenInTables`, with the reason.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Sql } from '../../src/ledger/connect.ts'
import {
  openTablesCheck,
  type TablesCheck,
} from '../../src/projector/verify/tables/tables-check.ts'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { openTriggerless } from '../support/vandal.ts'
import { writeLife } from './life.ts'

const tables = [
  'heads',
  'producers',
  'management_commands',
  'account_secrets',
  'account_names',
  'projection_checkpoints',
  'stored_responses',
  'withheld',
  'refused_calls',
  'portal_sessions',
  'migrations',
]

/** Changes by their names, and why no rule can tell them. */
const unseenInTables: readonly (readonly [RegExp, string])[] = [
  [/^account_secrets\.secret/, 'verify does not read it.'],
  [/^account_names\.name/, 'verify does not read it, nor what it is sealed as in the log.'],
  [/^heads\.partition_end: 0/, 'It is 0 until it is known, and the next append finds it again.'],
  [/^heads\.clock_at: .*\+/, 'What the clock said when it was read last stands here alone.'],
  [/^management_commands\.command_id/, 'Its sender chose it.'],
  [/^migrations\.applied_at/, 'It decides nothing, and stands here alone.'],
  [
    /^producers\.(producer|sequence|content|steady_since|verdicts|available|delivered)/,
    'It is what a gateway sent last, and the reply to that: batches are not kept.',
  ],
  [
    /^projection_checkpoints\.position/,
    'The tables of the projection are compared with the log as of it: see the test below.',
  ],
  [/^portal_sessions\./, 'Who is signed in with a browser stands here alone.'],
  [/^refused_calls\./, 'The log counts them alone. They are kept for a day, and decide nothing.'],
  [/^stored_responses\.response/, 'It is sealed under the secret of its account.'],
  [
    /^stored_responses\.(stored_at|replayed_at)/,
    'When it was stored, and given again, stands here alone.',
  ],
]

const reasonOf = (name: string) => unseenInTables.find(([changes]) => changes.test(name))?.[1]

/** Another value than a column has, by its type. */
const others: Readonly<Record<string, readonly string[]>> = {
  text: [`C || 'x'`, `''`],
  smallint: ['C + 1'],
  integer: ['C + 1', '0'],
  bigint: ['C + 1', 'C - 1', '0'],
  bytea: [`C || '\\x00'`],
  uuid: ['gen_random_uuid()'],
  jsonb: [`C || '{"credits": 77, "taken": 77, "positions": [1]}'`, `'{}'`],
  json: [`'{"other": 1}'`],
  'text[]': [`array['stale_key']`, `C || array['ok']`],
  'bigint[]': ['array[1]', 'C || array[1]::bigint[]'],
  'timestamp with time zone': [
    `C + interval '1 day'`,
    `C - interval '1 day'`,
    `C + interval '1 microsecond'`,
  ],
}

let ledger: Ledger
let vandal: Sql
let check: TablesCheck
beforeAll(async () => {
  ledger = await openLedger()
  await writeLife(ledger)
  vandal = await openTriggerless(ledger.url)
  check = openTablesCheck({ url: ledger.url, maxDescribed: 100 })
  await fillTables()
})
afterAll(async () => {
  await Promise.all([vandal?.end(), check?.close()])
  await ledger?.close()
})

/** Rows that the life does not leave, as a gateway writes them. */
async function fillTables(): Promise<void> {
  const { owner } = ledger
  await owner`
    select store_response_v1(shard, key_id, payload ->> 'claim', request_id, quantity, '\\x01') from events
    where type = 'CreditsHeld' and payload ->> 'claim' is not null`
  await owner`update stored_responses set replayed_at = stored_at + interval '1 second'`
  await owner`insert into withheld select position, shard from events where type = 'HoldSettled' limit 1`
  await owner`
    select store_refusals_v1(json_build_array(json_build_object('requestId', 'refused', 'accountId', account_id, 'keyId', key_id,
      'mode', mode, 'endpoint', 'search', 'reason', 'rate_limited', 'figures', json_build_object('limit', 1), 'ageMs', 0)), 10)
    from key_state limit 1`
  await owner`select open_session_v1('\\x01', 'owner', 'nora', 'acme', null)`
  const account = await ledger.account()
  await ledger.change(account, 'AccountDescribed', {}, new Uint8Array([7]))
  await ledger.hold(await ledger.key(account), 0)
}

interface Change {
  readonly name: string
  readonly table: string
  readonly set: string
}

async function changes(): Promise<Change[]> {
  const columns = await vandal<
    { table: string; column: string; type: string; nullable: boolean }[]
  >`
    select c.relname as "table", a.attname as "column", format_type(a.atttypid, null) as type, not a.attnotnull as nullable
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relname = any(${tables}) and c.relnamespace = 'tollbook'::regnamespace and a.attnum > 0 and not a.attisdropped
    order by c.relname, a.attnum`
  return columns.flatMap(({ table, column, type, nullable }) => {
    const values = others[type]
    if (!values) throw new Error(`no other value is known of ${table}.${column}: ${type}`)
    return [
      ...values.map((value) => value.replaceAll('C', column)),
      ...(nullable ? ['null'] : []),
    ].map((value) => ({ name: `${table}.${column}: ${value}`, table, set: `${column} = ${value}` }))
  })
}

/** A producer that was told of an earlier epoch is compared with nothing, wherever its row stands. */
const newest: Readonly<Record<string, string>> = { producers: 'recorded_at' }

test('each change of a table beside the log is named, or is one that nothing tells', async () => {
  expect((await check.run()).faults).toEqual([])
  const missed: string[] = []
  for (const { name, table, set } of await changes()) {
    await vandal.unsafe(`create table saved as table ${table}`)
    try {
      const changed = await vandal.unsafe(`update ${table} t set ${set}
        where ctid = (select ctid from ${table} order by ${newest[table] ?? 'ctid'} desc limit 1) returning to_jsonb(t) as row`)
      const [same] = await vandal.unsafe(
        `select 1 from saved s where to_jsonb(s) = ($1::text)::jsonb`,
        [JSON.stringify(changed[0]?.row)],
      )
      if (!same && (await check.run()).faulty === 0) missed.push(name)
    } finally {
      await vandal.unsafe(
        `delete from ${table}; insert into ${table} table saved; drop table saved`,
      )
    }
  }
  expect(missed.filter((name) => reasonOf(name) === undefined)).toEqual([])
  const needless = unseenInTables.filter(([changes]) => !missed.some((name) => changes.test(name)))
  expect(needless).toEqual([])
})

test('a checkpoint at another position is named by the tables of its projection', async () => {
  const put = `update projection_checkpoints set position =`
  const [{ position }] = await vandal<[{ position: number }]>`
    select position from projection_checkpoints where projection = 'daily_usage'`
  const verifier = await openVerifier({ url: ledger.url, maxDescribed: 3 })
  try {
    await vandal.unsafe(`${put} 0 where projection = 'daily_usage'`)
    const { projections } = await verifier.run()
    const damaged = projections.filter(({ differing }) => differing > 0)
    expect(damaged.map(({ projection }) => projection)).toEqual(['daily_usage'])
  } finally {
    await vandal.unsafe(`${put} ${position} where projection = 'daily_usage'`)
    await verifier.close()
  }
})
