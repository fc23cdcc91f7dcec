/** The queries that routes about usage and events share. */
import { type Static, t } from 'elysia'
import { catalogue } from '../../../events/catalogue.ts'
import { parsePosition, printPosition } from '../../../events/event.ts'
import { eventTypes, frequentTypes } from '../../../events/event-types.ts'
import { isTime } from '../../../events/time.ts'
import type { InvalidPart } from '../../problems/refusal.ts'
import type { ChargePage, PageOfCharges } from '../../reports/charge/charge-page.ts'
import type { Days } from '../../reports/usage/usage-figures.ts'
import { requireValid } from '../errors/request-refused.ts'
import { day, mode, month, pageLimit, position, queryInteger } from '../schemas/fields.ts'

export const daysQuery = t.Object({
  from: t.Optional(day),
  to: t.Optional(day),
})
export const monthQuery = t.Object({ month: t.Optional(month) })

/** The last days, today included, where neither the first nor the last is said. */
export const lastDays = t.Optional(
  queryInteger({
    ...{ minimum: 1, maximum: 366 },
    description: 'The last so many days, instead of `from` and `to`.',
  }),
)

/** `daysOf` of a query that may say how many days instead. @throws RequestRefused also where it says both */
export function spanOf(
  { days, ...named }: Static<typeof daysQuery> & { readonly days?: number | undefined },
  now: Date,
): Days {
  if (days === undefined) return daysOf(named, now)
  const contradicts = named.from !== undefined || named.to !== undefined
  requireValid(
    contradicts ? [{ pointer: 'query/days', detail: 'contradicts `from` and `to`' }] : [],
  )
  const from = new Date(now.getTime() - (days - 1) * 86_400_000)
  return { from: from.toISOString().slice(0, 10), to: now.toISOString().slice(0, 10) }
}

/**
 * The days that the query asks for. The default end is today, the default start the thirtieth day before the
 * end, both included.
 *
 * @throws RequestRefused for days that no calendar has, and for more than a year of them
 */
export function daysOf({ from, to }: Static<typeof daysQuery>, now: Date): Days {
  requireValid([...dayFaults('query/from', from), ...dayFaults('query/to', to)])
  const last = to ?? now.toISOString().slice(0, 10)
  const before = new Date(Date.parse(last) - 29 * 86_400_000).toISOString().slice(0, 10)
  const first = from ?? before
  requireValid(rangeFaults(first, last))
  return { from: first, to: last }
}

const maxDays = 366

function rangeFaults(from: string, to: string): InvalidPart[] {
  const days = (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1
  if (days <= maxDays) return []
  return [{ pointer: 'query/from', detail: `expected at most ${maxDays} days` }]
}

function dayFaults(pointer: string, text: string | undefined): InvalidPart[] {
  if (text === undefined || isTime(`${text}T00:00:00Z`)) return []
  return [{ pointer, detail: `expected ${day.title}` }]
}

export const eventsQuery = t.Object({
  type: t.Optional(
    t.String({
      pattern: `^(${Object.keys(catalogue).join('|')})$`,
      title: 'a type of event such as KeyIssued',
    }),
  ),
  calls: t.Optional(
    t.Boolean({
      description: 'false: without the events that calls make, of which there are many.',
    }),
  ),
  cursor: t.Optional(position),
  limit: queryInteger({ minimum: 1, maximum: 200, default: 50 }),
})

/** Where the page begins, and which types of event it has. */
export function pageOf({ type, calls, cursor, limit }: Static<typeof eventsQuery>) {
  const after = cursor === undefined ? undefined : parsePosition(cursor)
  return { filter: typesOf(type, calls), page: { limit, ...(after && { after }) } }
}

function typesOf(type: string | undefined, calls: boolean | undefined) {
  if (type !== undefined) return { types: [type] }
  return calls === false ? { types: rareTypes } : {}
}

const rareTypes = eventTypes.filter((type) => !frequentTypes.includes(type))

export const modeQuery = t.Object({ mode: t.Optional(mode) })

export const historyQuery = t.Object({
  days: queryInteger({ minimum: 1, maximum: 366, default: 30 }),
  mode: t.Optional(mode),
})

/** Of charges. */
export const pageQuery = t.Object({
  cursor: t.Optional(position),
  limit: pageLimit({ maximum: 100, default: 50 }),
})

export function startOf({ cursor, limit = 50 }: Static<typeof pageQuery>): PageOfCharges {
  return { limit, before: cursor === undefined ? undefined : parsePosition(cursor) }
}

export function pageOfCharges({ charges, next }: ChargePage) {
  return { charges: [...charges], nextCursor: next ? printPosition(next) : null }
}

/** The first and last position as a range, or why they are none: both must be of one shard. */
export function rangeOf(
  from: string | undefined,
  to: string | undefined,
): { shard?: number; fromPosition?: number; toPosition?: number } | InvalidPart {
  const first = from === undefined ? undefined : parsePosition(from)
  const last = to === undefined ? undefined : parsePosition(to)
  if (first && last && first.shard !== last.shard) {
    return { pointer: 'query/to', detail: 'expected a position of the same shard as `from`' }
  }
  const shard = (first ?? last)?.shard
  return {
    ...(shard !== undefined && { shard }),
    ...(first && { fromPosition: first.position }),
    ...(last && { toPosition: last.position }),
  }
}
