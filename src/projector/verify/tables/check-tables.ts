/**
 * Whether the tables beside the log are consistent with it: where it ends, who appends to it, what is kept for retries. Each
 * rule is a statement that finds the rows which break it. What is secret in these tables is not read.
 */
import { projections } from '../../../../projections/index.ts'
import type { Sql } from '../../../ledger/connect.ts'
import { migrationNames } from '../../../ledger/migrate/migrations.ts'

/** A row beside the log that is not what the log says, or cannot be. */
export interface TableFault {
  readonly table: string
  readonly row: string
  readonly fault: string
}

interface TableRule {
  readonly table: string
  readonly fault: string
  /** Selects the names of the rows that break it, as `row`. */
  readonly sql: string
}

const versions = () => projections.map(({ name, version }) => `('${name}', ${version})`).join(', ')
const knownMigrations = () =>
  [...migrationNames].map(([id, name]) => `(${id}, '${name}')`).join(', ')
const inline = () =>
  projections.filter(({ mode }) => mode === 'inline').map(({ name }) => `'${name}'`)

const tableRules = (): TableRule[] => [
  ...ofHeads(),
  ...ofProducers(),
  ...ofResponses(),
  ...ofAccounts(),
  {
    table: 'projection_checkpoints',
    fault: 'it is beyond the log, or of an inline projection, which has none',
    sql: `select c.projection || ', shard ' || c.shard as row from projection_checkpoints c
      left join heads h on h.shard = c.shard
      where h.shard is null or c.position not between 0 and h.position
        or c.projection in (${inline().join(', ')}) and c.position <> 0`,
  },
  {
    table: 'projection_checkpoints',
    fault: 'no projection of this program has that name and version',
    sql: `select projection || ', shard ' || shard as row from projection_checkpoints
      where (projection, version) not in (${versions()})`,
  },
  {
    table: 'migrations',
    fault: 'it is not one of those that lead to this version, or is missing',
    sql: `select coalesce(m.id, known.id)::text as row from migrations m
      full join (values ${knownMigrations()}) known (id, name) on known.id = m.id and known.name = m.name
      where m.id is null or known.id is null`,
  },
  {
    table: 'refused_calls',
    fault: 'its key is not of its account and mode',
    sql: `select request_id as row from refused_calls r
      where not exists (
        select from key_state k where k.key_id = r.key_id and k.account_id = r.account_id and k.mode = r.mode)`,
  },
]

function ofHeads(): TableRule[] {
  const table = 'heads'
  const last = 'left join events e on e.shard = h.shard and e.position = h.position'
  return [
    {
      table,
      fault: 'the log goes on beyond it',
      sql: `select h.shard::text as row from heads h
        where exists (select from events e where e.shard = h.shard and e.position > h.position)`,
    },
    {
      table,
      fault: 'its hash or its time is not that of the last event',
      sql: `select h.shard::text as row from heads h ${last}
        where h.position > 0 and (h.event_hash is distinct from e.event_hash or h.recorded_at is distinct from e.recorded_at)`,
    },
    {
      table,
      fault: 'the clock had been read later',
      sql: `select shard::text as row from heads where clock_at < recorded_at`,
    },
    {
      table,
      fault: 'its epoch is not raised as often as a loss was accepted',
      sql: `select h.shard::text as row from heads h
        where h.epoch <> 1 + (select count(*) from events e where e.shard = h.shard and e.type = 'LogRestored')`,
    },
    {
      table,
      fault: 'its partition is not that of the last event',
      sql: `select h.shard::text as row from heads h
        cross join lateral (
          select (regexp_match(pg_get_expr(c.relpartbound, c.oid), '(\\d+).* TO \\(''(\\d+)'))::bigint[] as bounds
          from pg_inherits i join pg_class c on c.oid = i.inhrelid
          where i.inhparent = 'events'::regclass
        ) p
        where h.partition_end > 0 and h.position >= p.bounds[1] and h.position < p.bounds[2]
          and (h.partition_end <> p.bounds[2] or h.partition_started_at is distinct from case when p.bounds[1] > 0 then (
            select e.recorded_at from events e where e.shard = h.shard and e.position >= p.bounds[1]
            order by e.position limit 1) end)`,
    },
    {
      table,
      fault: 'a gateway has seen another log: its divergence stands',
      sql: 'select shard::text as row from heads where divergence is not null',
    },
  ]
}

function ofProducers(): TableRule[] {
  const table = 'producers'
  const row = `p.instance || ', ' || p.producer`
  const fence = `left join lateral (
      select f.recorded_at, (f.payload ->> 'deliveredUpTo') as delivered from events f
      where f.type = 'ProducerFenced' and f.payload ->> 'instance' = p.instance and f.shard = p.shard limit 1
    ) f on true`
  return [
    {
      table,
      fault: 'it was told of a log that is not this one',
      sql: `select ${row} as row from producers p
        left join heads h on h.shard = p.shard
        left join events e on e.shard = p.shard and e.position = p.position
        where h.shard is null or p.epoch not between 1 and h.epoch or p.epoch = h.epoch and (p.position > h.position
          or p.position > 0 and p.event_hash is distinct from e.event_hash
          or p.position = 0 and p.event_hash <> '')`,
    },
    {
      table,
      fault: 'it has delivered what was not charged yet',
      sql: `select ${row} as row from producers p join heads h on h.shard = p.shard
        where p.delivered not between 0 and h.position`,
    },
    {
      table,
      fault: 'its times are not possible',
      sql: `select ${row} as row from producers p join heads h on h.shard = p.shard
        where p.recorded_at > h.clock_at or p.steady_since > p.recorded_at`,
    },
    {
      table,
      fault: 'it is fenced, and its event says otherwise',
      sql: `select ${row} as row from producers p ${fence}
        where p.fenced_at is distinct from f.recorded_at or f.delivered <> p.delivered::text`,
    },
    {
      table,
      fault: 'its last results are not those of a batch of its own',
      sql: `select ${row} as row from producers p
        where cardinality(p.verdicts) is distinct from cardinality(p.positions)
          or cardinality(p.positions) is distinct from cardinality(p.available)
          or (p.sequence = 0) <> (p.content is null) or p.sequence < 0
          or exists (
            select from unnest(p.verdicts, p.positions) r (verdict, position)
            left join events e on e.shard = p.shard and e.position = r.position
            where r.position > p.position or r.verdict in ('ok', 'resumed') and e.instance is distinct from p.instance)`,
    },
    {
      table: 'withheld',
      fault: 'it is no charge',
      sql: `select w.shard || '-' || w.position as row from withheld w
        left join events e on e.shard = w.shard and e.position = w.position
        where e.type is distinct from 'HoldSettled'`,
    },
  ]
}

function ofResponses(): TableRule[] {
  return [
    {
      table: 'stored_responses',
      fault: 'no call of its key has claimed its Idempotency-Key',
      sql: `select s.key_id || ', ' || s.claim as row from stored_responses s
        where not exists (
          select from events e where e.request_id = s.hold_id and e.shard = s.shard and e.type = 'CreditsHeld'
            and e.key_id = s.key_id and e.payload ->> 'claim' = s.claim)`,
    },
    {
      table: 'stored_responses',
      fault: 'it is of another quantity than its charge',
      // What was sent of a call whose gateway died is charged without its response.
      sql: `select s.key_id || ', ' || s.claim as row from stored_responses s
        join events e on e.request_id = s.hold_id and e.shard = s.shard and e.type = 'HoldSettled' and e.held is not null
        where e.quantity is distinct from s.quantity and e.payload ->> 'terminatedBy' is distinct from 'gateway'`,
    },
    {
      table: 'stored_responses',
      fault: 'its times are not possible',
      sql: `select s.key_id || ', ' || s.claim as row from stored_responses s
        join events e on e.request_id = s.hold_id and e.shard = s.shard and e.type = 'CreditsHeld'
        where s.stored_at < e.recorded_at or s.replayed_at < s.stored_at and s.stored_at <> 'infinity'
          or s.stored_at = 'infinity' and s.replayed_at is null`,
    },
  ]
}

function ofAccounts(): TableRule[] {
  return [
    {
      table: 'account_secrets',
      fault: 'its account is not open',
      sql: `select s.account_id as row from account_secrets s
        left join account_state a on a.account_id = s.account_id and a.shard = s.shard
        where a.erased is not false`,
    },
    {
      table: 'account_secrets',
      fault: 'its account is open and has no secret',
      sql: `select a.account_id as row from account_state a
        left join account_secrets s on s.account_id = a.account_id and s.shard = a.shard
        where not a.erased and s.account_id is null`,
    },
    {
      table: 'account_names',
      fault: 'its account is not open, or nobody has described it',
      sql: `select n.account_id as row from account_names n
        left join account_state a on a.account_id = n.account_id and a.shard = n.shard
        where a.erased is not false or a.private is null`,
    },
    {
      table: 'account_names',
      fault: 'its account is open and described, and is not found by its name',
      sql: `select a.account_id as row from account_state a
        left join account_names n on n.account_id = a.account_id and n.shard = a.shard
        where not a.erased and a.private is not null and n.account_id is null`,
    },
  ]
}

/** The rows that break a rule. */
export async function checkTables(sql: Sql): Promise<TableFault[]> {
  const faults: TableFault[] = []
  for (const { table, fault, sql: text } of tableRules()) {
    const rows = await sql.unsafe<{ row: string }[]>(text)
    faults.push(...rows.map(({ row }) => ({ table, row, fault })))
  }
  return faults
}
