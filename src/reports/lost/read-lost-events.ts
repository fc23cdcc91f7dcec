/**
 * What a ledger lacks that was restored to a moment: the events that a copy of the log has beyond the last one that both have. The
 * copy is a second server, restored to the end of what was archived.
 */
import { printPosition, type RecordedEvent } from '../../../events/event.ts'
import { frequentTypes, typesWith } from '../../../events/event-types.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readHeads, type ShardHead } from '../../ledger/read/read-heads.ts'
import { addSums, compareSums, type Sum } from '../../lib/sums.ts'
import { eventHashes } from '../log-reader/event-hashes.ts'
import { type PositionRange, positionRanges } from '../log-reader/position-ranges.ts'
import { selectEvents } from '../log-reader/select-events.ts'

/** What a shard has lost. */
interface LostRange {
  /** The first and the last position, such as `0-123`. */
  readonly from: string
  readonly upTo: string
  /** When they were recorded: RFC 3339. */
  readonly recordedFrom: string
  readonly recordedTo: string
  readonly events: number
}

/** Lost charges of an account's live calls, and lost refunds. */
interface LostByAccount {
  readonly accountId: string
  readonly charges: Sum
  readonly credits: Sum
  readonly refunded: Sum
}

/** A call that was served, and whose charge is lost. */
export interface LostCharge {
  readonly position: string
  readonly recordedAt: string
  readonly accountId: string
  readonly keyId: string
  readonly endpoint: string
  readonly requestId: string
  readonly credits: number
}

export interface LostEvents {
  readonly ranges: readonly LostRange[]
  /** Those that lost most come first. */
  readonly accounts: readonly LostByAccount[]
  /** What people decided (grants, keys, plans, prices, erasures), in the order of the log. Nothing does it again by itself. */
  readonly decided: readonly RecordedEvent[]
}

interface ShardRange extends PositionRange {
  readonly shard: number
}

/** A query over so many positions takes well under a second. */
const maxRangePositions = 50_000
/** Of which the hashes are compared at once. */
const comparedAtOnce = 2_000

/** @returns the ranges of the copy that the ledger lacks, by shard */
export async function findLostRanges(ledger: Sql, copy: Sql): Promise<ShardRange[]> {
  const kept = await readHeads(ledger)
  const ranges: ShardRange[] = []
  for (const { shard, position } of await readHeads(copy)) {
    const end = Math.min(endOf(kept, shard), position)
    const last = await lastCommonPosition(ledger, copy, shard, end)
    if (last < position) ranges.push({ shard, from: last + 1, to: position })
  }
  return ranges
}

/** @param ranges of the copy: those that the ledger lacks */
export async function readLostEvents(
  copy: Sql,
  ranges: readonly ShardRange[],
): Promise<LostEvents> {
  const accounts = new Map<string, LostByAccount>()
  const decided: RecordedEvent[] = []
  for (const { shard, ...range } of ranges) {
    for (const piece of positionRanges(range, maxRangePositions)) {
      for (const sums of await sumByAccount(copy, shard, piece)) {
        const before = accounts.get(sums.accountId)
        accounts.set(sums.accountId, before ? add(before, sums) : sums)
      }
      decided.push(...(await readDecided(copy, shard, piece)))
    }
  }
  return {
    ranges: await Promise.all(ranges.map((range) => describeRange(copy, range))),
    accounts: [...accounts.values()].sort((a, b) => compareSums(b.credits, a.credits)),
    decided,
  }
}

/** The charges of live calls one by one, some thousand at a time. */
export async function* readLostCharges(
  copy: Sql,
  ranges: readonly ShardRange[],
): AsyncGenerator<LostCharge[]> {
  for (const { shard, ...range } of ranges) {
    for (const { from, to } of positionRanges(range, maxRangePositions)) {
      const rows = await copy<(Omit<LostCharge, 'position'> & { position: number })[]>`
        select position, ${asTime(copy, 'recorded_at')} as "recordedAt", account_id as "accountId",
          key_id as "keyId", endpoint, request_id as "requestId", credits
        from events
        where shard = ${shard} and position between ${from} and ${to} and type = 'HoldSettled' and mode = 'live'
        order by position`
      yield rows.map(({ position, ...row }) => ({
        position: printPosition({ shard, position }),
        ...row,
      }))
    }
  }
}

function endOf(heads: readonly ShardHead[], shard: number): number {
  return heads.find((head) => head.shard === shard)?.position ?? 0
}

/** Looked for from the end, so that an event before it that somebody has changed is not taken for the point where they part. */
async function lastCommonPosition(
  ledger: Sql,
  copy: Sql,
  shard: number,
  end: number,
): Promise<number> {
  for (let to = end; to > 0; to -= comparedAtOnce) {
    const length = Math.min(comparedAtOnce, to)
    const positions = Array.from({ length }, (_, index) => to - index)
    const [ofLedger, ofCopy] = await Promise.all(
      [ledger, copy].map((sql) => eventHashes(sql, shard, positions)),
    )
    const common = positions.find((position) => {
      const hash = ofCopy?.get(position)
      return hash !== undefined && hash === ofLedger?.get(position)
    })
    if (common !== undefined) return common
  }
  return 0
}

function sumByAccount(
  copy: Sql,
  shard: number,
  { from, to }: PositionRange,
): Promise<LostByAccount[]> {
  return copy<LostByAccount[]>`
    select account_id as "accountId", count(*) filter (where type = 'HoldSettled') as charges,
      coalesce(sum(credits) filter (where type = 'HoldSettled'), 0) as credits,
      coalesce(sum(credits) filter (where type = 'ChargeRefunded'), 0) as refunded
    from events
    where shard = ${shard} and position between ${from} and ${to}
      and type in ('HoldSettled', 'ChargeRefunded') and mode = 'live'
    group by account_id`
}

function add(a: LostByAccount, b: LostByAccount): LostByAccount {
  return {
    accountId: a.accountId,
    charges: addSums(a.charges, b.charges),
    credits: addSums(a.credits, b.credits),
    refunded: addSums(a.refunded, b.refunded),
  }
}

/** What the ledger does by itself, such as a month's allowance, it does again. */
function readDecided(
  copy: Sql,
  shard: number,
  { from, to }: PositionRange,
): Promise<RecordedEvent[]> {
  const others = [...frequentTypes, ...typesWith('stream', 'ledger')]
  return selectEvents(
    copy,
    copy`where shard = ${shard} and position between ${from} and ${to}
      and type <> all(${others}) and actor <> 'ledger'
    order by position`,
  )
}

async function describeRange(copy: Sql, { shard, from, to }: ShardRange): Promise<LostRange> {
  const times = await copy<{ recordedAt: string }[]>`
    select ${asTime(copy, 'recorded_at')} as "recordedAt" from events
    where shard = ${shard} and position in (${from}, ${to}) order by position`
  return {
    from: printPosition({ shard, position: from }),
    upTo: printPosition({ shard, position: to }),
    recordedFrom: times[0]?.recordedAt ?? '',
    recordedTo: times.at(-1)?.recordedAt ?? '',
    events: to - from + 1,
  }
}

function asTime(sql: Sql, column: string) {
  return sql`to_char(${sql(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}
