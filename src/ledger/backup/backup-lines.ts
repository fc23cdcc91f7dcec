/**
 * A ledger as lines of JSON: a head that says where each shard's log ends; every event up to there; what belongs to the events and
 * stands beside the log (the accounts' secrets, and the results of management commands); and an end with the
 * hash of all lines before it.
 *
 * PostgreSQL makes the lines and reads them back, so a payload keeps its exact text and a time its microseconds. The log is read
 * in ranges of position, each in a statement of its own. Events never change, so the ranges together are one moment although no
 * snapshot lives long.
 */
import type { Sql } from '../connect.ts'
import { readHeads, type ShardHead } from '../read/read-heads.ts'

/** Events of format 2 have no login. */
export const formats = [2, 3] as const

export interface BackupHead {
  readonly format: (typeof formats)[number]
  readonly shards: readonly ShardHead[]
}

export interface BackupEnd {
  readonly events: number
  readonly secrets: number
  readonly commands: number
  /** Hex SHA-256 of all lines before this one, each with its line feed. */
  readonly sha256: string
}

/** The columns of an event, in the order in which a line has them. */
const columns = [
  ['shard', 'smallint'],
  ['position', 'bigint'],
  ['recorded_at', 'timestamptz'],
  ['occurred_at', 'timestamptz'],
  ['type', 'text'],
  ['stream_version', 'integer'],
  ['account_id', 'text'],
  ['key_id', 'text'],
  ['mode', 'text'],
  ['request_id', 'text'],
  ['endpoint', 'text'],
  ['tariff', 'text'],
  ['credits', 'bigint'],
  ['quantity', 'bigint'],
  ['slots', 'integer'],
  ['status', 'smallint'],
  ['latency_ms', 'integer'],
  ['lots', 'bigint[]'],
  ['held', 'bigint[]'],
  ['moved', 'bigint[]'],
  ['actor', 'text'],
  ['instance', 'text'],
  ['payload', 'json'],
  ['private', 'bytea'],
  ['event_hash', 'bytea'],
  ['login', 'text'],
] as const

const rangeSize = 2_000

/** The lines of a ledger, in pieces that end with a line feed; returns the head and the end. */
export async function* backupLines(
  sql: Sql,
  progress: (total: number, done: number) => void,
): AsyncGenerator<string, BackupEnd & { readonly head: BackupHead }> {
  const shards = await readHeads(sql)
  const head: BackupHead = { format: 3, shards }
  const hash = new Bun.CryptoHasher('sha256')
  const total = shards.reduce((sum, { position }) => sum + position, 0)
  const counts = { events: 0, secrets: 0, commands: 0 }
  const piece = (lines: readonly string[]) => {
    const text = lines.map((line) => `${line}\n`).join('')
    hash.update(text)
    return text
  }

  yield piece([JSON.stringify({ head })])
  for (const { shard, position } of shards) {
    for (let from = 1; from <= position; from += rangeSize) {
      const lines = await eventLines(sql, shard, from, Math.min(from + rangeSize - 1, position))
      counts.events += lines.length
      yield piece(lines)
      progress(total, counts.events)
    }
    for await (const lines of pages((after) => secretLines(sql, shard, position, after))) {
      counts.secrets += lines.length
      yield piece(lines)
    }
    for await (const lines of pages((after) => commandLines(sql, shard, position, after))) {
      counts.commands += lines.length
      yield piece(lines)
    }
  }
  const end = { ...counts, sha256: hash.digest('hex') }
  yield `${JSON.stringify({ end })}\n`
  return { head, ...end }
}

interface Line {
  /** Pages are ordered by it. */
  readonly id: string
  readonly line: string
}

async function* pages(read: (after: string) => Promise<Line[]>): AsyncGenerator<string[]> {
  for (let after = ''; ; ) {
    const page = await read(after)
    if (page.length > 0) yield page.map(({ line }) => line)
    const last = page.at(-1)
    if (!last || page.length < rangeSize) return
    after = last.id
  }
}

async function eventLines(sql: Sql, shard: number, from: number, to: number): Promise<string[]> {
  const values = columns.map(([name, type]) => textOf(name, type)).join(', ')
  const rows = await sql<{ line: string }[]>`
    select json_build_object('event', json_build_array(${sql.unsafe(values)}))::text as line
    from events where shard = ${shard} and position between ${from} and ${to} order by position`
  return rows.map(({ line }) => line)
}

/** The keys of accounts that were opened by then and are not erased. */
function secretLines(sql: Sql, shard: number, position: number, after: string): Promise<Line[]> {
  return sql<Line[]>`
    select s.account_id as id, json_build_object('secret',
      json_build_array(s.account_id, s.shard, encode(s.secret, 'hex')))::text as line
    from account_secrets s
    where s.shard = ${shard} and s.account_id > ${after} and exists (
      select from events e
      where e.account_id = s.account_id and e.shard = s.shard and e.type = 'AccountOpened'
        and e.position <= ${position})
    order by s.account_id
    limit ${rangeSize}`
}

/** The results of commands whose events are all in the backup. */
function commandLines(sql: Sql, shard: number, position: number, after: string): Promise<Line[]> {
  return sql<Line[]>`
    select c.command_id as id, json_build_object('command', json_build_array(
      c.command_id, c.shard, c.request_hash, c.result::text,
      ${sql.unsafe(textOf('c.recorded_at', 'timestamptz'))}))::text as line
    from management_commands c
    where c.shard = ${shard} and c.command_id > ${after} and not exists (
      select from jsonb_array_elements_text(c.result -> 'positions') p (position)
      where p.position::bigint > ${position})
    order by c.command_id
    limit ${rangeSize}`
}

/** A column as an expression whose text PostgreSQL reads back as the same value. */
function textOf(name: string, type: string): string {
  switch (type) {
    case 'timestamptz':
      return `to_char(${name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
    case 'bytea':
      return `encode(${name}, 'hex')`
    case 'json':
    case 'bigint[]':
      return `${name}::text`
    default:
      return name
  }
}

/** Reads event lines back: rows of `events`, from the relation `lines` with the column `line`. */
export const readEventLines = `select ${columns
  .map(([name, type], i) => {
    const text = `(j ->> ${i})`
    return `${type === 'bytea' ? `decode(${text}, 'hex')` : `${text}::${type}`} as ${name}`
  })
  .join(', ')}
  from lines cross join lateral (select line::json -> 'event' as j) parsed`

export const eventColumns: readonly string[] = columns.map(([name]) => name)
