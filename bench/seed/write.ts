/**
 * Writes a history into an empty ledger through SQL: lines copied into a table of the connection's own, and from
 * there into the log, hashed by the ledger's own function. Two connections take turns, so that one set of lines
 * is made while another is written. The projections are not fed (they are replayed afterwards, which is
 * faster), and appends wait at the shard's lock until it is done.
 */
import { pipeline } from 'node:stream/promises'
import type { EventType } from '../../events/catalogue.ts'
import {
  adjustDigest,
  grantDigest,
  recordDigest,
  refundDigest,
} from '../../src/ledger/commands/command-digests.ts'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import type { SeededEvent } from './history.ts'

const linesAtOnce = 50_000
const producers = 2

export async function writeHistory(
  url: string,
  events: Iterable<SeededEvent>,
  progress: (done: number) => void,
): Promise<number> {
  const sql = connect({ url, as: 'owner', max: 1 })
  const pools = Array.from({ length: producers }, () => connect({ url, as: 'owner', max: 1 }))
  try {
    await prepare(sql)
    for (const pool of pools) await pool.unsafe(staging)
    let position = 0
    let chunk: string[] = []
    let secrets: string[] = []
    let commands: string[] = []
    const under: Promise<void>[] = pools.map(() => Promise.resolve())
    let turn = 0
    const flush = async () => {
      const producer = turn++ % producers
      const [lines, to] = [chunk.join(''), position]
      chunk = []
      await under[producer]
      await writeSecrets(sql, secrets)
      await writeCommands(sql, commands)
      secrets = []
      commands = []
      await sql`select extend_partitions()`
      under[producer] = write(pools[producer] as Sql, lines, to).then(() => progress(to))
      // Nobody may be waiting for it yet when it fails.
      under[producer]?.catch(() => {})
    }
    for (const event of events) {
      chunk.push(lineOf(++position, event))
      if (event.secret) secrets.push(`${event.accountId}\t${hex(event.secret)}`)
      const hash = commandHash(event)
      if (hash) commands.push(commandOf(position, event, hash))
      if (chunk.length === linesAtOnce) await flush()
    }
    await flush()
    await Promise.all(under)
    return position
  } finally {
    // The sessions' own trigger setting ends with them.
    await Promise.all([sql, ...pools].map((pool) => pool.end({ timeout: 5 })))
  }
}

/** Refuses a ledger that has events, and one whose server does not let us leave the triggers alone. */
async function prepare(sql: Sql): Promise<void> {
  const [{ last }] = await sql<[{ last: number }]>`select max(position) as last from heads`
  if (last > 0) throw new Error('the ledger is not empty: seed a new one')
}

const columns = `position, recorded_at, occurred_at, type, stream_version, account_id, key_id, mode, request_id,
  endpoint, tariff, credits, quantity, slots, status, latency_ms, lots, held, moved, actor, payload, private`

// Only what fires for replication fires: a session of a superuser may say so for itself.
const staging = `set session_replication_role = replica;
  set synchronous_commit = off;
  create temp table seeded as select ${columns} from events with no data`

async function write(sql: Sql, lines: string, to: number): Promise<void> {
  const copied = await sql.unsafe(`copy seeded (${columns}) from stdin`).writable()
  await pipeline([Buffer.from(lines)], copied)
  await sql.unsafe(`
    insert into events (shard, ${columns}, instance, event_hash)
    select 0, ${columns}, 'seed',
      hash_event(0::smallint, position, recorded_at, occurred_at, type, stream_version, account_id,
        key_id, mode, request_id, endpoint, tariff, credits, quantity, slots, status, latency_ms, lots, held,
        moved, actor, 'seed', payload, private)
    from seeded order by position;
    truncate seeded;
    update heads h set position = e.position, recorded_at = e.recorded_at, event_hash = e.event_hash
      from events e
      where h.shard = 0 and e.shard = 0 and e.position = ${to} and h.position < e.position`)
}

async function writeSecrets(sql: Sql, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return
  await sql`
    insert into account_secrets (account_id, shard, secret)
    select split_part(line, E'\t', 1), 0, decode(split_part(line, E'\t', 2), 'hex')
    from string_to_table(${lines.join('\n')}, E'\n') line`
}

/** The hash of the management command that an event came of; undefined: it came of none. */
function commandHash(event: SeededEvent): string | undefined {
  const { type, accountId = '', keyId, mode = 'live', requestId = '', credits = 0 } = event
  if (event.actor === 'ledger') return undefined
  const payload = JSON.parse(event.payload)
  switch (type) {
    case 'CreditsGranted':
      return grantDigest({ accountId, mode, credits, ...payload })
    case 'CreditsAdjusted':
      return adjustDigest({ accountId, mode, credits })
    case 'ChargeRefunded':
      return refundDigest({ requestId, credits })
    default: {
      if (event.streamVersion === undefined && type !== 'TariffPublished') return undefined
      const ofAccount = { ...(accountId && { accountId }), ...(keyId && { keyId, mode }) }
      return recordDigest([{ type: type as EventType, payload, ...ofAccount }])
    }
  }
}

/** A line of JSON: the command's id, hash, result and time. Every event that came of one has a command of its own. */
function commandOf(position: number, event: SeededEvent, hash: string): string {
  const recordedAt = new Date(event.recordedAt).toISOString()
  const { externalId } = JSON.parse(event.payload) as { externalId?: string }
  const id =
    externalId === undefined ? `seed:${position}` : `external:${event.accountId}:${externalId}`
  const moved = event.type === 'CreditsAdjusted' ? { taken: event.credits, debt: 0 } : {}
  const refunded = event.type === 'ChargeRefunded' ? { credits: event.credits } : {}
  const result = { verdict: 'ok', positions: [position], recordedAt, ...moved, ...refunded }
  return JSON.stringify([id, hash, result, recordedAt])
}

async function writeCommands(sql: Sql, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return
  await sql`
    insert into management_commands (command_id, shard, request_hash, result, recorded_at)
    select j ->> 0, 0, j ->> 1, (j -> 2)::jsonb, (j ->> 3)::timestamptz
    from unnest(string_to_array(${lines.join('\n')}, ${'\n'})) line
    cross join lateral (select line::json as j) parsed`
}

function lineOf(position: number, event: SeededEvent): string {
  const recordedAt = new Date(event.recordedAt).toISOString()
  const occurredAt =
    event.occurredAt === undefined || event.occurredAt === event.recordedAt
      ? recordedAt
      : new Date(event.occurredAt).toISOString()
  return `${position}\t${recordedAt}\t${occurredAt}\t${event.type}\t${event.streamVersion ?? '\\N'}\t${
    event.accountId ?? '\\N'
  }\t${event.keyId ?? '\\N'}\t${event.mode ?? '\\N'}\t${event.requestId ?? '\\N'}\t${
    event.endpoint ?? '\\N'
  }\t${event.tariff ?? '\\N'}\t${event.credits ?? '\\N'}\t${event.quantity ?? '\\N'}\t\\N\t${
    event.status ?? '\\N'
  }\t${event.latencyMs ?? '\\N'}\t${array(event.lots)}\t${array(event.held)}\t${array(event.moved)}\t${
    event.actor
  }\t${event.payload.replaceAll('\\', '\\\\')}\t${event.private ? `\\\\x${hex(event.private)}` : '\\N'}\n`
}

function array(values: readonly number[] | undefined): string {
  return values ? `{${values.join(',')}}` : '\\N'
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
