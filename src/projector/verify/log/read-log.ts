/** Reads a range of the log in its order, as a stream of PostgreSQL's binary COPY. */
import { Readable } from 'node:stream'
import type { Sql } from '../../../ledger/connect.ts'
import { columns, type LogEvent } from './log-event.ts'

/** Of a stream of COPY: a signature, flags, and the length of what may come after them. */
const headBytes = 19

/**
 * @param events `events where …`: those of the range
 * @param follow is given one event after the other, in one object; none after one that it throws at
 */
export async function readLog(
  sql: Sql,
  events: string,
  event: LogEvent,
  follow: (event: LogEvent) => void,
): Promise<void> {
  // Along the primary key: the order is there already.
  const query = sql.unsafe(`
    set local enable_sort = off;
    copy (select ${columns.join(', ')} from ${events} order by position) to stdout (format binary)`)
  listenFromTheBeginning(query)
  const stream = (await query.readable()) as Readable
  const take = takeRows(event, follow)
  await new Promise<void>((resolve, reject) => {
    // What fails at its first rows has failed by now.
    if (stream.destroyed) {
      reject(stream.errored ?? new Error('the log could not be read'))
      return
    }
    let failed = false
    const takeOrFail = (bytes: Buffer) => {
      if (failed) return
      try {
        take(bytes)
      } catch (error) {
        failed = true
        reject(error)
        stream.destroy()
      }
    }
    stream.on('end', resolve)
    stream.on('error', reject)
    for (let bytes = stream.read(); bytes !== null; bytes = stream.read()) takeOrFail(bytes)
    // The client pushes each row by itself. To take it here and now costs a fraction of its way through a stream. What comes after
    // a fault is discarded, and the connection can be used again after the last row.
    stream.push = (bytes: Buffer | null) => {
      if (bytes) takeOrFail(bytes)
      else resolve()
      return true
    }
    // While the stream was full, the client stopped reading its socket. It goes on when more is asked of the stream.
    stream._read(0)
  })
}

/**
 * The client hands a stream over a moment after it has made it, and an error that comes in the same packet has destroyed it by
 * then. Without a listener that error would end the process.
 */
function listenFromTheBeginning(query: object): void {
  const made = query as { resolve(result: unknown): void }
  const { resolve } = made
  made.resolve = (result) => {
    if (result instanceof Readable) result.on('error', () => {})
    resolve(result)
  }
}

/** Takes bytes as they come. What is left of a row waits for the rest of it. */
export function takeRows(
  event: LogEvent,
  follow: (event: LogEvent) => void,
): (bytes: Buffer) => void {
  let rest: Buffer | undefined
  let isHeadRead = false
  return (bytes) => {
    const all = rest ? Buffer.concat([rest, bytes]) : bytes
    rest = undefined
    let next = 0
    if (!isHeadRead) {
      if (all.length < headBytes) {
        rest = all
        return
      }
      next = headBytes + all.readInt32BE(headBytes - 4)
      isHeadRead = true
    }
    while (next < all.length) {
      // A row begins with the number of its columns, and the end is -1.
      if (next + 2 <= all.length && all[next] === 255) return
      const end = event.take(all, next)
      if (end < 0) {
        rest = all.subarray(next)
        return
      }
      follow(event)
      next = end
    }
  }
}
