/**
 * What whoever steals the login of a role can do, and what he cannot: the table of docs/SECURITY.md. A test reads it there, and tries
 * every cell.
 */
import { type Role, roleNames, roles } from '../../src/ledger/roles.ts'

/** What a thief knows or has: what the statements name. */
export interface Loot {
  readonly accountId: string
  readonly keyId: string
  readonly keyVersion: number
  readonly accountVersion: number
  /** Of a key's secret. */
  readonly keyHash: string
  /** A charge of that key, whose response nobody knows of. */
  readonly requestId: string
  readonly claim: string
  readonly tariff: string
}

export interface Deed {
  /** As the document says it. */
  readonly what: string
  /** Who can do it. */
  readonly by: readonly Role[]
  /** Each of them is done, or none. */
  readonly statements: (loot: Loot, role: Role) => readonly string[]
}

/** What nobody has seen of the log. */
const otherLog = '{"epoch":1,"position":1,"hash":"00"}'

const sender = `jsonb_build_object('instance', 'thief', 'sentAt', ledger_now())`

type Payloads = Readonly<Record<string, object>>

interface Recording {
  /** SQL of what the sender says besides. */
  readonly more?: string
  readonly id?: string
  /** Of an operator key, by its id: how many events are of it. */
  readonly operatorKeys?: Readonly<Record<string, number>>
}

/** Records events of a key, an account or an operator key, by its present version, with the function that the role has for it. */
function record(
  role: Role,
  payloads: Payloads,
  of: Partial<Loot> = {},
  { more = '', id = crypto.randomUUID(), operatorKeys = {} }: Recording = {},
): string {
  const { accountId, keyId, keyVersion, accountVersion } = of
  const expected = keyId
    ? { stream: 'key', id: keyId, version: keyVersion }
    : { stream: 'account', id: accountId, version: accountVersion }
  const ofOperatorKeys = Object.entries(operatorKeys).map(([id, version]) => ({
    ...{ stream: 'operatorKey', id, version },
  }))
  const [name, actor] =
    role === 'portal' ? ['record_own_v1', 'user:forged'] : ['record_v1', 'admin:forged']
  const events = Object.entries(payloads).map(([type, payload]) => ({
    ...{ type, payload: JSON.stringify(payload), actor, accountId },
    ...(keyId && { keyId, mode: 'live' }),
  }))
  return `select ${name}(0::smallint, ${sender}${more}, '${id}', 'hash',
    '${JSON.stringify(accountId ? [expected] : ofOperatorKeys)}', '${JSON.stringify(events)}', '\\x00')`
}

const ofAccount = ({ accountId, accountVersion }: Loot) => ({ accountId, accountVersion })

const started = {
  ...{ from: '2030-01-01T00:00:00.000Z', plan: 'enterprise' },
  fee: { minorUnits: 0, currency: 'EUR' },
}

/** Says with a command of the role that the log was seen otherwise. */
function stopSales(loot: Loot, role: Role): string {
  const mark = ` || '{"mark": ${otherLog}}'`
  switch (role) {
    case 'calls':
      return `select open_producer_v1(0::smallint, gen_random_uuid(), 'thief', ledger_now(), '${otherLog}')`
    case 'portal':
      return record(role, { KeyRevoked: {} }, loot, { more: mark })
    default:
      return `select grant_v1(0::smallint, ${sender}${mark}, 'a', 'hash', 'x', 'live', 1, '{}', null, 'x')`
  }
}

/** The rows of the document's table. */
export function deedRows(): string[] {
  const mark = ({ by }: Deed, role: Role) => (by.includes(role) ? 'yes' : '–')
  return deeds.map(
    (deed) => `| ${[deed.what, ...roles.map((role) => mark(deed, role))].join(' | ')} |`,
  )
}

export const deeds: readonly Deed[] = [
  {
    what: 'Sell: hold credits of any account and charge them, under any name',
    by: ['calls'],
    statements: () => [
      `select open_producer_v1(0::smallint, gen_random_uuid(), 'thief', ledger_now(), null)`,
    ],
  },
  {
    what: 'Stop all sales, by saying that the log was seen otherwise',
    by: ['calls', 'management', 'portal'],
    statements: (loot, role) => [stopSales(loot, role)],
  },
  {
    what: "Read a key, and its account's secret, where he knows the key or its hash",
    by: ['calls'],
    statements: ({ keyHash }) => [`select account_secret from find_key_v1('${keyHash}')`],
  },
  {
    what: 'Read the balance and the charges of the account of such a key',
    by: ['calls'],
    statements: ({ keyHash, requestId }) => [
      `select * from own_balance_v1('${keyHash}')`,
      `select * from own_charges_v1('${keyHash}', null, 10, 100)`,
      `select * from own_charge_v1('${keyHash}', '${requestId}')`,
    ],
  },
  {
    what: "Revoke such a key, and refund what may not have arrived of its account's calls",
    by: ['calls'],
    statements: ({ keyHash, requestId }) => [
      `select refund_undelivered_v1(${sender}, '${keyHash}', '${requestId}', 'hash', null)`,
      `select revoke_v1(${sender}, '${keyHash}')`,
    ],
  },
  {
    what: 'Read and replace the stored response of a call, where he knows its claim',
    by: ['calls'],
    statements: ({ keyId, claim, requestId }) => [
      `select response from find_claim_v1(0::smallint, '${keyId}', '${claim}')`,
      `select store_response_v1(0::smallint, '${keyId}', '${claim}', '${requestId}', 1, '\\x00')`,
    ],
  },
  {
    what: 'Learn which accounts change, and which holds are overdue',
    by: ['calls'],
    statements: () => [
      `select * from changes_v1(0::smallint, 0)`,
      `select * from overdue_holds_v1(0::smallint, 10)`,
    ],
  },
  {
    what: 'Fence gateways that are silent, forget responses and refusals that are a day old',
    by: ['calls'],
    statements: () => [
      `select fence_producers_v1(0::smallint, gen_random_uuid(), ledger_now(), 60)`,
      `select forget_responses_v1(1)`,
      `select forget_refusals_v1(1)`,
    ],
  },
  {
    what: 'Read where the log ends, prices and plans, and how many accounts are on each plan',
    by: ['calls', 'management', 'portal', 'reader'],
    statements: ({ tariff }) => [
      `select * from heads_v1()`,
      `select * from find_tariff_v1('${tariff}')`,
      `select * from plan_counts_v1()`,
    ],
  },
  {
    what: 'Read the log (with the hashes of keys and operator keys), balances, usage and the states of all accounts and keys',
    by: ['management', 'portal', 'reader'],
    statements: () => [
      `select * from events limit 1`,
      `select * from lots limit 1`,
      `select * from key_state limit 1`,
      `select * from operator_keys limit 1`,
      `select * from daily_usage limit 1`,
    ],
  },
  {
    what: 'Read the secrets of accounts, and with them names, addresses, reasons and notes',
    by: ['management', 'portal'],
    statements: ({ accountId }) => [`select account_secret_v1('${accountId}')`],
  },
  {
    what: 'Find accounts by a part of the name or contact of who owns them',
    by: ['management'],
    statements: () => [`select find_accounts_v1('a')`],
  },
  {
    what: 'Change the password and the settings of this login, and so shut out what uses it',
    by: ['calls', 'management', 'portal', 'reader'],
    statements: () => [
      `set role none; alter role session_user password 'another'`,
      `set role none; alter role session_user set default_transaction_read_only = on`,
    ],
  },
  {
    what: 'Fill the disk with temporary tables, and with large objects unless that is taken from everybody',
    by: ['calls', 'management', 'portal', 'reader'],
    statements: () => [
      `create temporary table mine (a integer)`,
      `select lo_from_bytea(0, '\\x00')`,
    ],
  },
  {
    what: 'Read all secrets, names or stored responses at once',
    by: [],
    statements: () => [
      `select secret from account_secrets`,
      `select * from account_secrets`,
      `select name from account_names`,
      `select response from stored_responses`,
      `select * from stored_responses`,
    ],
  },
  {
    what: 'Grant, take and refund credits',
    by: ['management'],
    statements: ({ accountId, requestId }) => [
      `select grant_v1(0::smallint, ${sender}, 'a', 'hash', '${accountId}', 'live', 1000000,
        '{"kind":"promotional","startsAt":"2030-01-01T00:00:00.000Z"}', null, 'admin:forged')`,
      `select adjust_v1(0::smallint, ${sender}, 'b', 'hash', '${accountId}', 'live', 1, '{}', null, 'admin:forged')`,
      `select refund_v1(0::smallint, ${sender}, null, 'hash', '${requestId}', null, null, 'admin:forged')`,
    ],
  },
  {
    what: 'Open and describe accounts, on any plan, and issue, change and revoke keys of anyone',
    by: ['management', 'portal'],
    statements: (loot, role) => [
      record(role, { KeyRevoked: {} }, loot),
      record(
        role,
        { AccountOpened: { owner: { kind: 'user', id: 'thief' } }, PlanStarted: started },
        { accountId: 'user_thief', accountVersion: 0 },
      ),
      record(role, { AccountDescribed: {} }, ofAccount(loot)),
    ],
  },
  {
    what: 'Take the id of a grant, a revocation or a publication to come, which then counts as done',
    by: ['management'],
    statements: (loot, role) => {
      const { accountId, keyId, tariff } = loot
      return [
        `external:${accountId}:order-1`,
        `revoke:${keyId}`,
        `tariff:${tariff}:2030-01-01T00:00:00.000Z`,
      ].flatMap((id) => [
        record(role, {}, {}, { id }),
        record(role, { KeyRevoked: {} }, loot, { id }),
      ])
    },
  },
  {
    what: 'Sign a browser in to the portal, as anyone, and sign anyone out',
    by: ['management', 'portal'],
    statements: (_, role) => [
      role === 'portal'
        ? `select open_own_session_v1('\\x00', 'owner', 'anna', null, null)`
        : `select open_session_v1('\\x00', 'owner', 'anna', null, null)`,
      `select close_sessions_v1('anna')`,
    ],
  },
  {
    what: 'Sign a browser in to the console, as an operator',
    by: ['management'],
    statements: (_, role) => [
      `select ${role === 'portal' ? 'open_own_session_v1' : 'open_session_v1'}('\\x00', 'admin', 'boss', null, null)`,
    ],
  },
  {
    what: 'Freeze and erase accounts, change their plans and limits, and write notes on them',
    by: ['management'],
    statements: (loot, role) => [
      record(role, { AccountFrozen: {} }, ofAccount(loot)),
      record(role, { AccountErased: {} }, ofAccount(loot)),
      record(role, { AccountNoted: {} }, ofAccount(loot)),
      record(role, { AccountLimitsChanged: { rateLimit: 9, maxInFlight: 9 } }, ofAccount(loot)),
      record(role, { PlanStarted: started }, ofAccount(loot)),
    ],
  },
  {
    what: 'Publish prices and plans',
    by: ['management'],
    statements: (_, role) => [
      record(role, {
        TariffPublished: {
          ...{ from: '2030-01-01T00:00:00.000Z', hash: '0'.repeat(64) },
          ...{ plans: {}, prices: {} },
        },
      }),
    ],
  },
  {
    what: 'Issue, rotate and revoke operator keys, and so ask as an operator',
    by: ['management'],
    statements: (_, role) => {
      const id = `opk_${'0'.repeat(22)}`
      const expiresAt = '2030-09-01T00:00:00.000Z'
      const secret = (digit: string) => ({ hash: digit.repeat(64), display: 'sk_op_…' })
      const previous = { previousHash: null, previousUntil: null }
      return [
        record(
          role,
          {
            OperatorKeyIssued: { id, name: 'mine', role: 'admin', expiresAt, ...secret('0') },
            OperatorKeyRotated: { id, expiresAt, ...secret('1'), ...previous },
            OperatorKeyRevoked: { id },
          },
          {},
          { operatorKeys: { [id]: 0 } },
        ),
      ]
    },
  },
  {
    what: "Accept that events are lost, or confirm the ledger's clock",
    by: [],
    statements: () => [
      `select accept_loss_v1(0::smallint, 'thief', now(), 'reason', 'cli')`,
      `select confirm_clock_v1(0::smallint, 'thief', 'reason', 'cli')`,
    ],
  },
  {
    what: 'Write, change or delete a row of any table, or lock the log',
    by: [],
    statements: () => [
      `insert into heads default values`,
      `insert into events select * from events limit 1`,
      `update heads set position = 0`,
      `update events set actor = 'x'`,
      `delete from events`,
      `delete from stored_responses`,
      `truncate events`,
      `select from heads for update`,
      `select from heads for key share`,
      `lock table heads in row share mode`,
      `lock table events in row exclusive mode`,
      `select write_event(0::smallint, 1, now(), 'CreditsGranted', 'me', 'me', '{}')`,
      `select grant_allowance(0::smallint, 1, now(), 'me', 'a', 'live', 1000)`,
      `select keep_result(0::smallint, 'id', 'hash', now(), '{}')`,
      `select enter_shard(0::smallint)`,
      `select leave_shard(0::smallint, 1, now())`,
      `select make_partitions(1000, 2)`,
      `select project_inline()`,
    ],
  },
  {
    what: 'Change a table, function, trigger or grant, or become another role',
    by: [],
    statements: (_, role) => [
      `alter table events disable trigger all`,
      `alter table lots add column mine integer`,
      `create index on lots (lot)`,
      `create trigger mine before insert on events execute function refuse_change()`,
      `drop table lots`,
      `create table tollbook.mine (a integer)`,
      `create view tollbook.mine as select 1`,
      `create schema mine`,
      `create role mine`,
      `create function tollbook.mine() returns integer language sql as 'select 1'`,
      `create or replace function tollbook.ledger_now() returns timestamptz language sql as 'select now()'`,
      `drop function tollbook.refuse_change cascade`,
      `drop schema tollbook cascade`,
      `alter role ${roleNames[role]} superuser`,
      ...roles.filter((other) => other !== role).map((other) => `set role ${roleNames[other]}`),
    ],
  },
]
