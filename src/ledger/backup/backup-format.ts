/**
 * What a backup is: lines of JSON, each with a line feed.
 *
 *   {"head": …}        where each shard's log ends, and which key signs
 *   {"secret": […]}    rows of the tables that stand beside the log, table after table
 *   {"command": […]}
 *   {"response": […]}
 *   {"withheld": […]}
 *   {"event": […]}     the log, shard after shard, in its order
 *   {"end": …}         how many lines of each kind there are, and the hash of all lines before this one
 *   {"signature": …}   of the line before: see backup-signature.ts
 *
 * PostgreSQL makes the lines and reads them back, so a payload keeps its exact text and a time its microseconds. Format 4 is
 * described here; formats 2 and 3 have no responses, no withheld charges and no signature, and what belongs to a shard's events
 * stands behind them. Events of format 2 have no login.
 */

export const newestFormat = 4
export const formats: readonly number[] = [2, 3, newestFormat]

export interface BackupHead {
  readonly format: number
  /** The fingerprint of the key that signs; null: nobody does. Absent before format 4. */
  readonly signedBy?: string | null
  readonly shards: readonly BackupShard[]
}

/** Where a shard's log ends. */
export interface BackupShard {
  readonly shard: number
  readonly position: number
  readonly epoch: number
  /** Of the last event: RFC 3339, with microseconds. */
  readonly recordedAt: string
  /** How the log was found to be another one than a gateway has seen; null: it was not. */
  readonly divergence: string | null
  /** Of the last event, in hex; empty: the log is. Absent before format 4. */
  readonly hash?: string
}

export type BackupCounts = Readonly<Record<LineKind, number>>

export interface BackupEnd extends BackupCounts {
  /** Hex SHA-256 of all lines before this one, each with its line feed. */
  readonly sha256: string
}

/** A line that is a row of a table. */
export interface RowLine {
  readonly word: string
  readonly table: string
  /** Names and types, in the order in which a line has them. */
  readonly columns: readonly (readonly [name: string, type: string])[]
  /** By which the rows are ordered. */
  readonly key: string
  /** How many are read at once. */
  readonly atOnce: number
  /** Which rows are in a backup; absent: all. */
  readonly condition?: string
}

/** No line is longer, so that a forged one takes no more memory. */
export const maxLineBytes = 64 * 1_048_576

/** Kinds of lines, by the name under which the end counts them. */
export const lineKinds = {
  secrets: {
    word: 'secret',
    table: 'account_secrets',
    columns: [
      ['account_id', 'text'],
      ['shard', 'smallint'],
      ['secret', 'bytea'],
    ],
    key: 'shard, account_id',
    atOnce: 2_000,
  },
  commands: {
    word: 'command',
    table: 'management_commands',
    columns: [
      ['command_id', 'text'],
      ['shard', 'smallint'],
      ['request_hash', 'text'],
      ['result', 'jsonb'],
      ['recorded_at', 'timestamptz'],
    ],
    key: 'shard, command_id',
    atOnce: 2_000,
  },
  responses: {
    word: 'response',
    table: 'stored_responses',
    columns: [
      ['key_id', 'text'],
      ['claim', 'text'],
      ['shard', 'smallint'],
      ['hold_id', 'text'],
      ['quantity', 'bigint'],
      ['response', 'bytea'],
      ['stored_at', 'timestamptz'],
      ['replayed_at', 'timestamptz'],
    ],
    key: 'shard, key_id, claim',
    atOnce: 20,
    // A larger one is left out, as if it were forgotten already.
    condition: 'octet_length(response) <= 16 * 1048576',
  },
  withheld: {
    word: 'withheld',
    table: 'withheld',
    columns: [
      ['position', 'bigint'],
      ['shard', 'smallint'],
    ],
    key: 'shard, position',
    atOnce: 2_000,
  },
  events: {
    word: 'event',
    table: 'events',
    columns: [
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
    ],
    key: 'shard, position',
    atOnce: 2_000,
  },
} as const satisfies Record<string, RowLine>

export type LineKind = keyof typeof lineKinds

export const kindNames = Object.keys(lineKinds) as LineKind[]

export function countNone(): Record<LineKind, number> {
  return { secrets: 0, commands: 0, responses: 0, withheld: 0, events: 0 }
}

/** A row of the kind's table as an expression of its line. */
export function lineOf(kind: LineKind): string {
  const { word, columns } = lineKinds[kind]
  const values = columns.map(([name, type]) => textOf(name, type))
  return `json_build_object('${word}', json_build_array(${values.join(', ')}))::text`
}

/** Reads lines back: rows of the kind's table, from the relation `lines` with the column `line`. */
export function rowsOf(kind: LineKind): string {
  const { word, columns } = lineKinds[kind]
  const values = columns.map(([name, type], i) => {
    const text = `(j ->> ${i})`
    return `${type === 'bytea' ? `decode(${text}, 'hex')` : `${text}::${type}`} as ${name}`
  })
  return `select ${values.join(', ')} from lines cross join lateral (select line::json -> '${word}' as j) parsed`
}

/** A column as an expression whose text PostgreSQL reads back as the same value. */
function textOf(name: string, type: string): string {
  switch (type) {
    case 'timestamptz':
      // A time can be infinite, which to_char makes nothing of.
      return `case when isfinite(${name}) then to_char(${name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') else ${name}::text end`
    case 'bytea':
      return `encode(${name}, 'hex')`
    case 'json':
    case 'jsonb':
    case 'bigint[]':
      return `${name}::text`
    default:
      return name
  }
}
