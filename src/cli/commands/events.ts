/**
 * `tollbook events`: the log, as people read it or as JSON, one event a line. It is read page by page and
 * printed as it is read, so a log of any length can be listed; with --follow it goes on as events come.
 */
import { catalogue } from '../../../events/catalogue.ts'
import {
  type LogPosition,
  parsePosition,
  printPosition,
  type RecordedEvent,
} from '../../../events/event.ts'
import { didYouMean } from '../../config/did-you-mean.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-for-calls.ts'
import { readReasons } from '../../management/read-reasons.ts'
import { describeEvent } from '../../reports/log-reader/describe-event.ts'
import { type EventFilter, readEventFeed } from '../../reports/log-reader/event-feed.ts'
import { readLogEnd } from '../../reports/log-reader/log-range.ts'
import { command } from '../command.ts'
import { UsageError } from '../errors.ts'
import { ledgerArgs, withSql } from '../open-ledger.ts'
import { list, moment, positiveInteger } from '../options/option-values.ts'
import { dim, time, write } from '../output.ts'

const args = {
  account: { type: 'string', valueHint: 'ID', description: 'Only of this account' },
  key: { type: 'string', valueHint: 'ID', description: 'Only of this key' },
  type: {
    type: 'string',
    valueHint: 'A,B',
    description: 'Only of these types, such as KeyRevoked',
  },
  from: { type: 'string', valueHint: 'WHERE', description: 'A position (0-1234), a time, or 24h' },
  to: {
    type: 'string',
    valueHint: 'WHERE',
    description: 'The last position, or a time before which',
  },
  limit: { type: 'string', valueHint: 'N', description: 'Stop after so many (all)' },
  follow: { type: 'boolean', description: 'Go on as events come; without --from, only new ones' },
  ...ledgerArgs,
} as const

export default command(
  {
    description: 'The log, in its order: all of it, or of an account, a key, a type, a time.',
    examples: [
      'events --account acc_… --from 2026-01-01 --to 2026-02-01',
      'events --type KeyRevoked,AccountFrozen --from 7d',
      'events --follow --json',
    ],
  },
  args,
  (args) =>
    withSql(args, async (sql) => {
      const places = placesOf(args)
      const filter = {
        ...(args.account !== undefined && { accountId: args.account }),
        ...(args.key !== undefined && { keyId: args.key }),
        ...typesOf(args.type),
        ...places,
      }
      const print = args.json ? jsonOf : lineOf
      const limit = args.limit === undefined ? undefined : positiveInteger('limit', args.limit)
      if (!args.follow) return printAll(sql, filter, limit, print)
      if (limit !== undefined) throw new UsageError('pass --follow or --limit, not both.')
      const fromNow = args.from === undefined
      await follow(sql, filter, fromNow, print)
    }),
)

type Print = (event: RecordedEvent, reason: string | undefined) => string

/** Prints all that match, up to `limit`. */
async function printAll(
  sql: Sql,
  filter: EventFilter,
  limit: number | undefined,
  print: Print,
): Promise<void> {
  let left = limit ?? Number.POSITIVE_INFINITY
  let after: LogPosition | undefined
  do {
    const page = { limit: Math.min(left, pageSize), ...(after && { after }) }
    const { events, next } = await readEventFeed(sql, filter, page)
    await printPage(sql, events, print)
    left -= events.length
    after = next
  } while (after && left > 0)
}

const pageSize = 500
const pollMs = 500

/** Each shard has an order of its own, and a place of its own up to which it has been printed. */
async function follow(
  sql: Sql,
  filter: EventFilter,
  fromNow: boolean,
  print: Print,
): Promise<never> {
  const shards = await readShards(sql)
  const seen = new Map<number, number>()
  for (const shard of shards) seen.set(shard, fromNow ? (await readLogEnd(sql, shard)).position : 0)
  for (;;) {
    for (const shard of shards) {
      // Where the log ended before it was asked: everything up to there has then been looked at.
      const end = await readLogEnd(sql, shard)
      let after = seen.get(shard) ?? 0
      while (after < end.position) {
        const page = { limit: pageSize, after: { shard, position: after } }
        const { events, next } = await readEventFeed(sql, { ...filter, shard }, page)
        await printPage(sql, events, print)
        after = next?.position ?? Math.max(end.position, events.at(-1)?.position ?? 0)
      }
      seen.set(shard, after)
    }
    await Bun.sleep(pollMs)
  }
}

async function printPage(sql: Sql, events: readonly RecordedEvent[], print: Print): Promise<void> {
  if (events.length === 0) return
  const reasons = await readReasons(sql, events)
  await write(
    events.map((event) => `${print(event, reasons.get(printPosition(event)))}\n`).join(''),
  )
}

function lineOf(event: RecordedEvent, reason: string | undefined): string {
  const { keyId, accountId, recordedAt, actor } = event
  const whose = keyId ?? accountId ?? ''
  const why = reason === undefined ? '' : `: ${reason}`
  const by = actor.startsWith('key:') ? '' : dim(`  by ${actor}${why}`)
  const at = dim(time(recordedAt.toISOString()))
  return `${printPosition(event).padEnd(9)} ${at} ${whose.padEnd(27)} ${describeEvent(event)}${by}`
}

function jsonOf(event: RecordedEvent, reason: string | undefined): string {
  const { private: _, shard, position, lots, ...rest } = event
  return JSON.stringify({
    position: printPosition({ shard, position }),
    ...rest,
    lots: lots?.map((lot) => printPosition({ shard, position: lot })) ?? null,
    summary: describeEvent(event),
    ...(reason !== undefined && { reason }),
  })
}

function typesOf(text: string | undefined): { types?: string[] } {
  const types = list(text)
  if (!types) return {}
  const known = Object.keys(catalogue)
  for (const type of types) {
    if (known.includes(type)) continue
    const meant = didYouMean(type, known)
    throw new UsageError(
      `there is no event ${type}; ${meant ? `did you mean ${meant}?` : `there are ${known.join(', ')}.`}`,
    )
  }
  return { types }
}

/** Both ends, as positions or as times. */
function placesOf(args: { from?: string | undefined; to?: string | undefined }): EventFilter {
  const first = args.from === undefined ? undefined : parsePosition(args.from)
  const last = args.to === undefined ? undefined : parsePosition(args.to)
  if (first && last && first.shard !== last.shard) {
    throw new UsageError('--from and --to name positions of different shards.')
  }
  const shard = (first ?? last)?.shard
  const now = new Date()
  return {
    ...(shard !== undefined && { shard }),
    ...(first && { fromPosition: first.position }),
    ...(last && { toPosition: last.position }),
    ...(args.from !== undefined && !first && { from: moment('from', args.from, 'ago', now) }),
    ...(args.to !== undefined && !last && { to: moment('to', args.to, 'ago', now) }),
  }
}
