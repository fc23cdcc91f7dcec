/**
 * Writes a ledger as the lines of a backup. What stands beside the log is read in one snapshot, together with where the log ends,
 * and comes first; then the snapshot is given back. The events up to there are read afterwards, in ranges, each in a statement of
 * its own: events never change, so all of it is the ledger of one moment, and no snapshot lives for as long as a large log takes.
 */
import type postgres from 'postgres'
import type { Sql } from '../connect.ts'
import {
  type BackupEnd,
  type BackupHead,
  type BackupShard,
  countNone,
  kindNames,
  type LineKind,
  lineKinds,
  lineOf,
  newestFormat,
  type RowLine,
} from './backup-format.ts'
import type { Signer } from './backup-signature.ts'

/** The log, or the connection, was not the same from the beginning to the end. Nothing that was written is of use. */
export class BackupBroken extends Error {
  override readonly name = 'BackupBroken'
}

/**
 * The lines of a ledger, in pieces that end with a line feed; returns the head and the end.
 * @param sql of the ledger's owner
 * @param signer undefined: nobody signs
 * @throws BackupBroken
 */
export async function* writeBackup(
  sql: Sql,
  signer: Signer | undefined,
  progress: (total: number, done: number) => void,
): AsyncGenerator<string, BackupEnd & { readonly head: BackupHead }> {
  const hash = new Bun.CryptoHasher('sha256')
  const counts = countNone()
  const piece = (lines: readonly string[]) => {
    const text = lines.map((line) => `${line}\n`).join('')
    hash.update(text)
    return text
  }

  const snapshot = await openSnapshot(sql)
  let head: BackupHead
  try {
    head = {
      format: newestFormat,
      signedBy: signer?.fingerprint ?? null,
      shards: await readShards(snapshot.sql),
    }
    yield piece([JSON.stringify({ head })])
    for (const kind of kindNames.filter((name) => name !== 'events')) {
      for await (const lines of rowLines(snapshot.sql, kind)) {
        counts[kind] += lines.length
        yield piece(lines)
      }
    }
    await snapshot.check()
  } finally {
    await snapshot.close()
  }

  const total = head.shards.reduce((sum, { position }) => sum + position, 0)
  for (const shard of head.shards) {
    for await (const lines of eventLines(sql, shard)) {
      counts.events += lines.length
      yield piece(lines)
      progress(total, counts.events)
    }
  }
  const end = { ...counts, sha256: hash.digest('hex') }
  const endLine = JSON.stringify({ end })
  yield `${endLine}\n`
  if (signer) yield `${signer.sign(endLine)}\n`
  return { head, ...end }
}

interface Snapshot {
  readonly sql: postgres.ReservedSql
  /** @throws BackupBroken when it was lost meanwhile */
  check(): Promise<void>
  close(): Promise<void>
}

async function openSnapshot(sql: Sql): Promise<Snapshot> {
  const reserved = await sql.reserve()
  try {
    await reserved`begin transaction isolation level repeatable read, read only`
    const opened = await nameOf(reserved)
    return {
      sql: reserved,
      async check() {
        // When a connection is lost, postgres.js goes on over another one, and the snapshot is gone.
        if ((await nameOf(reserved)) === opened) return
        throw new BackupBroken('the connection was lost')
      },
      async close() {
        await reserved`rollback`.catch(() => {})
        reserved.release()
      },
    }
  } catch (error) {
    reserved.release()
    throw error
  }
}

/** What tells a snapshot from another one of another connection. */
async function nameOf(sql: postgres.ReservedSql): Promise<string> {
  const [row] = await sql<[{ name: string }]>`
    select pg_backend_pid() || ' ' || pg_current_snapshot() as name`
  return row.name
}

async function readShards(sql: postgres.ReservedSql): Promise<BackupShard[]> {
  const rows = await sql<BackupShard[]>`
    select shard, position, epoch, divergence, encode(event_hash, 'hex') as hash,
      to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "recordedAt"
    from heads order by shard`
  return [...rows]
}

async function* rowLines(sql: postgres.ReservedSql, kind: LineKind): AsyncGenerator<string[]> {
  const { table, key, atOnce, condition = 'true' }: RowLine = lineKinds[kind]
  await sql.unsafe(
    `declare rows no scroll cursor for
     select ${lineOf(kind)} as line from ${table} where ${condition} order by ${key}`,
  )
  for (;;) {
    const rows = await sql.unsafe<{ line: string }[]>(`fetch ${atOnce} from rows`)
    if (rows.length === 0) break
    yield rows.map(({ line }) => line)
  }
  await sql`close rows`
}

async function* eventLines(
  sql: Sql,
  { shard, position, hash }: BackupShard,
): AsyncGenerator<string[]> {
  const { atOnce } = lineKinds.events
  let lastHash = ''
  for (let from = 1; from <= position; from += atOnce) {
    const to = Math.min(from + atOnce - 1, position)
    const rows = await sql<{ line: string; hash: string }[]>`
      select ${sql.unsafe(lineOf('events'))} as line, encode(event_hash, 'hex') as hash
      from events where shard = ${shard} and position between ${from} and ${to} order by position`
    if (rows.length !== to - from + 1) throw otherLog(shard)
    lastHash = rows.at(-1)?.hash ?? ''
    yield rows.map(({ line }) => line)
  }
  // Hosts of a URL can change within a backup: another server can have another log.
  if (lastHash !== hash) throw otherLog(shard)
}

function otherLog(shard: number): BackupBroken {
  return new BackupBroken(
    `the log of shard ${shard} is not the one that the backup began with, or has gaps`,
  )
}
