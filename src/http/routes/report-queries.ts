/** The parts that routes about usage and events share: their queries, and how their answers look. */
import { type Static, t } from 'elysia'
import { catalogue } from '../../../events/catalogue.ts'
import { parsePosition } from '../../../events/event.ts'
import { isTime } from '../../../events/time.ts'
import type { InvalidPart } from '../../problems/refusal.ts'
import type { DailyUsage, Days, UsageSummary } from '../../reports/usage/usage.ts'
import { requireValid } from '../errors/request-refused.ts'
import { day, integer, month, position, queryInteger, typedSchema } from '../schemas/fields.ts'

const figures = {
  requests: integer({ description: 'Calls that passed the gate.' }),
  errors: integer({ description: 'Those of them that failed, uncharged.' }),
  credits: integer(),
  avgLatencyMs: t.Nullable(integer()),
}

const line = {
  endpoint: t.String(),
  ...figures,
  quantity: integer({ description: 'What the endpoint counts.' }),
}

export const figuresFields = figures
export const UsageLine = t.Object(line)

export const UsageResponse = t.Object({
  usage: typedSchema<readonly DailyUsage[]>(t.Array(t.Object({ date: t.String(), ...line }))),
})

export const UsageSummaryResponse = t.Object({
  summary: typedSchema<UsageSummary>(
    t.Object({
      ...figures,
      errorRate: t.Number(),
      lastUsedAt: t.Nullable(t.String()),
      byEndpoint: t.Array(t.Object(line)),
    }),
  ),
})

export const daysQuery = t.Object({
  from: t.Optional(day),
  to: t.Optional(day),
})
export const monthQuery = t.Object({ month: t.Optional(month) })

/**
 * The days asked for; without a start the thirty that end with the last one, without an end today.
 * @throws RequestRefused for days that no calendar has
 */
export function daysOf({ from, to }: Static<typeof daysQuery>, now: Date): Days {
  requireValid([...dayFaults('/from', from), ...dayFaults('/to', to)])
  const last = to ?? now.toISOString().slice(0, 10)
  const before = new Date(Date.parse(last) - 29 * 86_400_000).toISOString().slice(0, 10)
  return { from: from ?? before, to: last }
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
  cursor: t.Optional(position),
  limit: queryInteger({ minimum: 1, maximum: 200, default: 50 }),
})

/** Where the page begins, and which types it holds. */
export function pageOf({ type, cursor, limit }: Static<typeof eventsQuery>) {
  const after = cursor === undefined ? undefined : parsePosition(cursor)
  return {
    filter: type === undefined ? {} : { types: [type] },
    page: after ? { after, limit } : { limit },
  }
}

/** First and last position, which must be of one shard. */
export function rangeOf(
  from: string | undefined,
  to: string | undefined,
): { shard?: number; fromPosition?: number; toPosition?: number } | InvalidPart {
  const first = from === undefined ? undefined : parsePosition(from)
  const last = to === undefined ? undefined : parsePosition(to)
  if (first && last && first.shard !== last.shard) {
    return { pointer: '/to', detail: 'expected a position of the same shard as `from`' }
  }
  const shard = (first ?? last)?.shard
  return {
    ...(shard !== undefined && { shard }),
    ...(first && { fromPosition: first.position }),
    ...(last && { toPosition: last.position }),
  }
}
