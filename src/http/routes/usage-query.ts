/** What the routes of usage over time are asked. */
import { type Static, t } from 'elysia'
import { maxHours } from '../../reports/usage/steps-of.ts'
import {
  type SeriesGroup,
  type SeriesQuery,
  seriesGroups,
} from '../../reports/usage/usage-series.ts'
import { requireValid } from '../errors/request-refused.ts'
import { id, mode } from '../schemas/fields.ts'
import { daysQuery, lastDays, spanOf } from './report-queries.ts'

const seriesGroup = t.Unsafe<SeriesGroup>(
  t.Union(
    seriesGroups.map((group) => t.Literal(group)),
    {
      title: seriesGroups.join(', '),
      description: 'What has a series of its own: those that were charged most.',
    },
  ),
)

/** Of usage by day or hour. */
export const stepsQuery = t.Object({
  ...daysQuery.properties,
  days: lastDays,
  by: t.Optional(
    t.Union([t.Literal('day'), t.Literal('hour')], {
      title: 'day or hour',
      description: 'What a step is; hours of 31 days at most.',
    }),
  ),
  mode: t.Optional(mode),
})

export const usageQuery = t.Object({
  ...stepsQuery.properties,
  group: t.Optional(seriesGroup),
  keyId: t.Optional(id),
})

/** @throws RequestRefused for days that are none, too many, or too many for hours */
export function stepsQueryOf(
  { by = 'day', mode = 'live', ...named }: Static<typeof stepsQuery>,
  now: Date,
) {
  const span = spanOf(named, now)
  const hours = (Date.parse(span.to) - Date.parse(span.from)) / 3_600_000 + 24
  const isTooLong = by === 'hour' && hours > maxHours
  const pointer = named.days === undefined ? 'query/from' : 'query/days'
  requireValid(isTooLong ? [{ pointer, detail: 'expected at most 31 days, by hour' }] : [])
  return { by, mode, ...span }
}

/** The same with what an account's series are of. */
export function seriesQueryOf(
  accountId: string,
  { group = 'all', keyId, ...query }: Static<typeof usageQuery>,
  now: Date,
): SeriesQuery {
  return { accountId, group, keyId, ...stepsQueryOf(query, now) }
}
