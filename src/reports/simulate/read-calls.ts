import type { Counted } from '../../../events/counted.ts'
import { resolvingTypes } from '../../../events/event-types.ts'
import { isOpening } from '../../../events/openings.ts'
import { typeIn } from '../../../events/type-condition.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'
import { countedField } from '../log-reader/counted-field.ts'
import { isInSpan, rangesOf, type SimulationRange } from './simulation-range.ts'

/** Calls that were charged alike: with what one of them counted. */
export interface CallGroup extends Counted {
  readonly accountId: string
  readonly endpoint: string
  /** null: the calls are only counted, because their price was 0. */
  readonly tariff: string | null
  /** What one of the calls was charged. */
  readonly credits: number
  /** The plan that the calls were priced by, where it had prices of its own. */
  readonly plan: string | null
  /** `YYYY-MM`, of its time; null where nothing depends on it. */
  readonly month: string | null
  /** The plan that the account had then; null where nothing depends on it. */
  readonly planThen: string | null
  readonly calls: Sum
  /** The id of a call that was refunded, which is a group of its own. */
  readonly requestId: string | null
  /** How many more holds were taken than resolved. */
  readonly open: number
}

type GroupRow = Omit<CallGroup, 'parts' | 'by' | 'volume'> & {
  readonly parts: string | null
  readonly by: string | null
}

/**
 * The calls of a period in groups, range by range of the log.
 * @param refunds see readRefunds
 * @param withPlans tells calls apart by the plan that their account had
 * @param withMonths tells them apart by month, and gives those of a range in the order of their first
 */
export async function* readCalls(
  sql: Sql,
  range: SimulationRange,
  refunds: ReadonlyMap<string, number>,
  { withPlans, withMonths }: { readonly withPlans: boolean; readonly withMonths: boolean },
): AsyncGenerator<CallGroup[]> {
  const { shard, period } = range
  const refunded = sql.array([...refunds.keys()], 1009)
  for await (const { from, to } of rangesOf(sql, range)) {
    const rows = await sql<GroupRow[]>`
      select account_id as "accountId", endpoint,
        case when type = 'HoldSettled' then tariff end as tariff,
        case when type = 'HoldSettled' then quantity else 1 end::bigint as quantity,
        case when type = 'HoldSettled' then (${sql.unsafe(countedField('parts'))})::text end as parts,
        case when type = 'HoldSettled' then (${sql.unsafe(countedField('by'))}) #>> '{}' end as by,
        case when type = 'HoldSettled' then (${sql.unsafe(countedField('plan'))}) #>> '{}' end as plan,
        ${withMonths ? sql`to_char(occurred_at at time zone 'UTC', 'YYYY-MM')` : sql`null::text`} as month,
        ${withPlans ? planThen(sql) : sql`null::text`} as "planThen",
        case when type = 'HoldSettled' then credits else 0 end::bigint as credits,
        case when type = 'HoldSettled' and request_id = any(${refunded}) then request_id end as "requestId",
        coalesce(sum(case type when 'HoldSettled' then 1
          when 'CallsCounted' then quantity - (payload ->> 'errors')::bigint end), 0) as calls,
        sum(case when type = 'CreditsHeld' then 1 when type = 'CallsCounted' or held is null then 0 else -1
          end)::bigint as open
      from events e
      where shard = ${shard} and position between ${from} and ${to} and mode = 'live'
        and ${sql.unsafe(typeIn(['CreditsHeld', ...resolvingTypes, 'CallsCounted']))}
        and ${isInSpan(sql, sql`occurred_at`, period)}
      group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
      order by ${withMonths ? sql`min(position) filter (where type <> 'CreditsHeld')` : sql`1`}`
    yield rows.map(({ parts, by, ...group }) => ({
      ...group,
      ...(parts !== null && { parts: JSON.parse(parts) }),
      ...(by !== null && { by }),
    }))
  }
}

/** The last that was decided before the call was, of those that had begun then. */
function planThen(sql: Sql) {
  return sql`(select p.plan from account_plans p
    where p.account_id = e.account_id and p.shard = e.shard and p.starts_at <= e.occurred_at
      and p.position < case when e.held is null then e.position else (
        select min(h.position) from events h where h.request_id = e.request_id and h.shard = e.shard and ${sql.unsafe(isOpening)}) end
    order by p.position desc limit 1)`
}
