/**
 * What a gateway has seen of the ledger, in a small file of its own. A ledger that was restored from a backup may
 * end before it: then calls were answered whose charges it does not know. Such a ledger is not served before
 * somebody has accepted the loss, which is an event in it and raises its epoch.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Sql } from '../connect.ts'

interface Seen {
  /** Hex event hash of the first event: which ledger it was. */
  readonly ledger: string
  readonly shards: readonly SeenShard[]
}

interface SeenShard {
  readonly shard: number
  readonly position: number
  readonly epoch: number
}

/** The ledger ends before what this gateway has seen of it. */
export class LogDiverged extends Error {
  override readonly name = 'LogDiverged'
}

export interface SeenFile {
  /** @throws LogDiverged */
  check(): Promise<void>
  /** Notes how far the ledger is now. */
  remember(): Promise<void>
}

export function openSeenFile(sql: Sql, file: string): SeenFile {
  return {
    async check() {
      const seen = readSeen(file)
      const now = await readNow(sql)
      // Another ledger, or none yet: nothing was seen of it.
      if (!seen || !now || seen.ledger !== now.ledger) return
      for (const before of seen.shards) {
        const shard = now.shards.find((of) => of.shard === before.shard)
        if (shard && !isBehind(shard, before)) continue
        const [is, was] = [shard, before].map((of) => `${of?.shard}-${of?.position ?? 0}`)
        throw new LogDiverged(
          `the ledger ends at ${is}, and this gateway has seen it at ${was}: it was restored from an older backup. Restore a newer one, or accept that what is missing is lost: tollbook restore --accept-loss --reason "…".`,
        )
      }
    },

    async remember() {
      const now = await readNow(sql)
      if (!now) return
      // Renamed into its place, so that a crash leaves the old file or the new one.
      writeFileSync(`${file}.new`, `${JSON.stringify(now)}\n`)
      renameSync(`${file}.new`, file)
    },
  }
}

function isBehind(now: SeenShard, seen: SeenShard): boolean {
  return now.epoch < seen.epoch || (now.epoch === seen.epoch && now.position < seen.position)
}

function readSeen(file: string): Seen | undefined {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Seen
  } catch (error) {
    throw new Error(`${file} cannot be read (${error}): remove it if it is not a gateway's.`)
  }
}

/** Undefined while the log is empty. */
async function readNow(sql: Sql): Promise<Seen | undefined> {
  const [row] = await sql<{ ledger: string; shards: SeenShard[] }[]>`
    select encode(e.event_hash, 'hex') as ledger, (
      select json_agg(json_build_object('shard', shard, 'position', position, 'epoch', epoch) order by shard)
      from heads) as shards
    from events e where e.position = 1 order by e.shard limit 1`
  return row
}
