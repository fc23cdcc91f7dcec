/**
 * Goes on with an archive of the log: writes what was recorded since its last file, month by month, and ends.
 *
 * A file's name says which positions it has and how the last of them hashes, `month=2026-11/0-1-50000-1a2b3c4d.parquet`, so the
 * names are all that there is to know of how far the archive has come, and a log that is another one is found. The month is that
 * in which events were recorded, which never runs backwards, so a file that is written is never changed.
 */
import type { Sql } from '../ledger/connect.ts'
import { tryToLock } from '../ledger/name-lock.ts'
import { readShards } from '../ledger/read/read-shards.ts'
import { copyEvents } from '../reports/log-reader/copied-events.ts'
import { eventHashes } from '../reports/log-reader/event-hashes.ts'
import { readLogEnd } from '../reports/log-reader/log-end.ts'
import { monthRanges } from '../reports/log-reader/month-ranges.ts'
import { type PositionRange, positionRanges } from '../reports/log-reader/position-ranges.ts'
import { openArchiveFile } from './archive-file.ts'
import { ArchiveRefused, type ArchiveStore } from './archive-store.ts'

interface Followed {
  readonly rows: number
  readonly files: number
}

interface FileOfArchive extends PositionRange {
  readonly shard: number
  /** The first characters of the last event's hash. */
  readonly hash: string
}

const hashCharacters = 16
const maxFilePositions = 200_000
/** Copied at once, and a row group: memory holds one of them. */
const maxPiecePositions = 10_000

/**
 * @param progress is told of each piece how many events of all are written
 * @throws ArchiveRefused
 */
export async function followLog(
  sql: Sql,
  store: ArchiveStore,
  progress: (done: number, total: number) => void = () => {},
): Promise<Followed> {
  const lock = await tryToLock(sql, `tollbook export ${store.name}`)
  if (!lock) {
    throw new ArchiveRefused('another export writes there now: try again when it has ended')
  }
  try {
    return await writeRests(sql, store, lock.isHeld, progress)
  } finally {
    await lock.release()
  }
}

async function writeRests(
  sql: Sql,
  store: ArchiveStore,
  isLocked: () => Promise<boolean>,
  progress: (done: number, total: number) => void,
): Promise<Followed> {
  const files = (await store.list()).map(parseName)
  const rests = await Promise.all(
    (await readShards(sql)).map(async (shard) => {
      const end = await readLogEnd(sql, shard)
      const from = (await lastPosition(sql, shard, files, end.position)) + 1
      return { shard, from, to: end.position }
    }),
  )
  const total = rests.reduce((sum, { from, to }) => sum + to - from + 1, 0)
  let rows = 0
  let written = 0
  for (const { shard, ...rest } of rests) {
    for await (const { month, range } of monthRanges(sql, shard, rest)) {
      for (const positions of positionRanges(range, maxFilePositions)) {
        const { bytes, hash } = await writeFile(sql, shard, positions, (count) => {
          rows += count
          progress(rows, total)
        })
        if (!(await isLocked())) {
          throw new ArchiveRefused('the connection to the database was lost: export again')
        }
        await store.put(nameOf(month, { shard, ...positions, hash }), bytes)
        written++
      }
    }
  }
  return { rows, files: written }
}

async function writeFile(
  sql: Sql,
  shard: number,
  positions: PositionRange,
  onRows: (count: number) => void,
): Promise<{ bytes: Uint8Array; hash: string }> {
  let file: ReturnType<typeof openArchiveFile> | undefined
  let hash = ''
  for (const piece of positionRanges(positions, maxPiecePositions)) {
    const columns = await copyEvents(sql, shard, piece)
    const [first] = columns
    const count = first?.values.length ?? 0
    if (count !== piece.to - piece.from + 1) {
      throw new ArchiveRefused(`shard ${shard} lacks events from ${piece.from} to ${piece.to}`)
    }
    file ??= openArchiveFile(columns)
    file.add(columns)
    hash = String(columns.find(({ name }) => name === 'event_hash')?.values.at(-1))
    onRows(count)
    // The values of a piece are many and small, and would be collected only when there are several times as many.
    Bun.gc(true)
  }
  return { bytes: file?.finish() ?? new Uint8Array(), hash: hash.slice(0, hashCharacters) }
}

/** Where the archive of a shard ends; 0: there is none. */
async function lastPosition(
  sql: Sql,
  shard: number,
  files: readonly FileOfArchive[],
  logEnd: number,
): Promise<number> {
  const own = files
    .filter((file) => file.shard === shard)
    .sort((one, other) => one.from - other.from)
  let last: FileOfArchive | undefined
  for (const file of own) {
    const next = (last?.to ?? 0) + 1
    if (last && file.from < next) {
      throw new ArchiveRefused(
        `files of shard ${shard} overlap: ${last.from} to ${last.to} and ${file.from} to ${file.to}. Move what is not of this archive elsewhere`,
      )
    }
    if (file.from !== next) {
      throw new ArchiveRefused(
        `a file of shard ${shard} is missing that begins at position ${next}`,
      )
    }
    last = file
  }
  if (!last) return 0
  if (last.to > logEnd) {
    throw new ArchiveRefused(
      `the archive has shard ${shard} up to ${last.to}, and the log ends at ${logEnd}`,
    )
  }
  const hashes = await eventHashes(
    sql,
    shard,
    own.map(({ to }) => to),
  )
  const other = own.find(({ to, hash }) => !hashes.get(to)?.startsWith(hash))
  if (!other) return last.to
  throw new ArchiveRefused(
    `position ${other.to} of shard ${shard} has another event in the archive than in the log`,
  )
}

function nameOf(month: string, { shard, from, to, hash }: FileOfArchive): string {
  return `month=${month}/${shard}-${from}-${to}-${hash}.parquet`
}

/** @throws ArchiveRefused for a Parquet file that is none of an archive's */
function parseName(path: string): FileOfArchive {
  const found = /^month=\d{4}-\d{2}\/(\d+)-(\d+)-(\d+)-([0-9a-f]+)\.parquet$/.exec(path)
  if (!found) throw new ArchiveRefused(`${path} is no file of an archive`)
  const [, shard, from, to, hash = ''] = found
  return { shard: Number(shard), from: Number(from), to: Number(to), hash }
}
