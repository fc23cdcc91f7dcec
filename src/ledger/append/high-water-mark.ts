/**
 * How far this gateway has seen the log, in a small file of its own. A ledger that was restored from a backup may end earlier:
 * then calls were charged that it does not know. The gateway does not serve such a ledger before somebody accepts the loss,
 * which is an event in the ledger and raises its epoch.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Sql } from '../connect.ts'

interface Mark {
  /** Hex event hash of the first event. It tells ledgers apart. */
  readonly ledger: string
  readonly shards: readonly ShardMark[]
}

interface ShardMark {
  readonly shard: number
  readonly position: number
  readonly epoch: number
}

/** The log ends before what this gateway has seen of it. */
export class LogDiverged extends Error {
  override readonly name = 'LogDiverged'
}

export interface HighWaterMark {
  /** @throws LogDiverged */
  check(): Promise<void>
  /** Stores how far the log is now. */
  store(): Promise<void>
}

export function openHighWaterMark(sql: Sql, file: string): HighWaterMark {
  return {
    async check() {
      const seen = readMark(file)
      const now = await readLogEnds(sql)
      // It has seen another ledger, or none yet.
      if (!seen || !now || seen.ledger !== now.ledger) return
      for (const mark of seen.shards) {
        const end = now.shards.find(({ shard }) => shard === mark.shard)
        if (end && !isBehind(end, mark)) continue
        throw new LogDiverged(
          `the ledger ends at ${mark.shard}-${end?.position ?? 0}, and this gateway has seen it at ${mark.shard}-${mark.position}: it was restored from an older backup. Restore a newer one, or accept that what is missing is lost: tollbook restore --accept-loss --reason "…".`,
        )
      }
    },

    async store() {
      const now = await readLogEnds(sql)
      if (!now) return
      // Renamed into its place, so that a crash leaves the old file or the new one.
      writeFileSync(`${file}.new`, `${JSON.stringify(now)}\n`)
      renameSync(`${file}.new`, file)
    },
  }
}

function isBehind(end: ShardMark, mark: ShardMark): boolean {
  return end.epoch < mark.epoch || (end.epoch === mark.epoch && end.position < mark.position)
}

function readMark(file: string): Mark | undefined {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Mark
  } catch (error) {
    throw new Error(`${file} cannot be read (${error}): remove it if it is not a gateway's.`)
  }
}

/** undefined: the log is empty. */
async function readLogEnds(sql: Sql): Promise<Mark | undefined> {
  const [row] = await sql<{ ledger: string; shards: ShardMark[] }[]>`
    select encode(e.event_hash, 'hex') as ledger, (
      select json_agg(json_build_object('shard', shard, 'position', position, 'epoch', epoch) order by shard)
      from heads) as shards
    from events e where e.position = 1 order by e.shard limit 1`
  return row
}
