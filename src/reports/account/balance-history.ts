/**
 * What an account had left at the end of each of the last days, by the kind of its lots, and how long what it has now will last. What
 * is held for calls under way counts as left; overage does not, for it is billed as it is used. From the daily_lots projection, a few seconds behind the log.
 */
import type { Mode } from '../../../events/event.ts'
import type { Plan } from '../../../events/tariffs.ts'
import type { Sql } from '../../ledger/connect.ts'
import { allowanceEnd } from '../../pricing/allowance-of-month.ts'
import { type Balance, readBalance } from './balance.ts'
import { type Forecast, type ForecastLot, forecastOf } from './forecast.ts'

/** The credits of lots of one kind, with a figure for each day. */
interface KindOverDays {
  readonly kind: string
  readonly credits: readonly number[]
}

export interface BalanceHistory {
  /** UTC days, `YYYY-MM-DD`, the last of them today: it stands as of now. */
  readonly days: readonly string[]
  readonly kinds: readonly KindOverDays[]
  /** The mean of what was charged a day, refunds deducted, over the last seven days or as many as there are; null before three. */
  readonly chargedPerDay: number | null
  /** null where nothing is known of what will be charged. */
  readonly forecast: Forecast | null
}

/** Over so many days the mean is taken, and after so many there is one. */
const meanDays = 7
const minDays = 3

interface Row {
  readonly day: string
  readonly kind: string
  readonly credits: number
}

/** @returns undefined when the ledger does not have the account */
export async function readBalanceHistory(
  sql: Sql,
  accountId: string,
  mode: Mode,
  days: number,
): Promise<BalanceHistory | undefined> {
  const balance = await readBalance(sql, accountId, mode)
  if (!balance) return undefined
  const rows = await readDays(sql, accountId, mode, days)
  const names = [...new Set(rows.map(({ day }) => day))]
  const kinds = [...new Set(rows.map(({ kind }) => kind).filter((kind) => kind !== ''))]
  const chargedPerDay = await readMean(sql, accountId, mode)
  return {
    days: names,
    kinds: kinds.sort().map((kind) => ({
      kind,
      credits: names.map((day) => rows.find((r) => r.day === day && r.kind === kind)?.credits ?? 0),
    })),
    chargedPerDay,
    forecast:
      chargedPerDay === null
        ? null
        : forecastOf(await readLots(sql, accountId, mode, balance), {
            today: names.at(-1) ?? '',
            perDay: chargedPerDay,
            debt: balance.debt,
          }),
  }
}

/** A day without any lot has a row of no kind. */
function readDays(sql: Sql, accountId: string, mode: Mode, days: number): Promise<Row[]> {
  return sql<Row[]>`
    with clock as materialized (select ledger_now() as now), d as (
      select day::date, least((day + interval '1 day') at time zone 'UTC', clock.now) as until
      from clock, generate_series((clock.now at time zone 'UTC')::date - ${days - 1}::int,
        (clock.now at time zone 'UTC')::date, interval '1 day') day
    ), l as (
      select l.*, e.recorded_at as granted_at from lots l
      join events e on e.shard = l.shard and e.position = l.lot
      where l.account_id = ${accountId} and l.mode = ${mode} and l.expires_at >= (select min(until) from d) and l.kind <> 'overage'
    ), moved as (
      select m.lot, m.shard, m.day, sum(m.settled + m.adjusted + m.lapsed - m.refunded) as credits
      from daily_lots m where m.account_id = ${accountId} and m.mode = ${mode} group by 1, 2, 3
    )
    select to_char(d.day, 'YYYY-MM-DD') as day, coalesce(l.kind, '') as kind,
      coalesce(sum(l.granted - coalesce((
        select sum(m.credits) from moved m where m.lot = l.lot and m.shard = l.shard and m.day <= d.day), 0)), 0)::float8 as credits
    from d left join l on l.starts_at <= d.until and l.granted_at <= d.until and l.expires_at > d.until
    group by 1, 2
    order by 1, 2`
}

async function readMean(sql: Sql, accountId: string, mode: Mode): Promise<number | null> {
  const [row] = await sql<[{ credits: number; days: number }]>`
    with clock as materialized (select (ledger_now() at time zone 'UTC')::date as today)
    select coalesce(sum(d.settled - d.refunded) filter (where d.day >= clock.today - ${meanDays}::int), 0)::float8 as credits,
      case when min(d.day) is null then 0 else least(clock.today - min(d.day), ${meanDays}) end::int as days
    from clock left join daily_lots d on d.account_id = ${accountId} and d.mode = ${mode} and d.day < clock.today
    group by clock.today`
  return row.days < minDays ? null : Math.max(row.credits, 0) / row.days
}

/** All that can be drawn on in this month and the next, as far as that is decided now. */
async function readLots(
  sql: Sql,
  accountId: string,
  mode: Mode,
  balance: Balance,
): Promise<ForecastLot[]> {
  const months = await readAllowances(sql, accountId, mode)
  const given = months.map(({ starts, credits, rollover }): ForecastLot => {
    const now = starts.getTime()
    const lot = {
      ...{ kind: 'allowance', credits: Math.max(credits ?? 0, 0), startsAt: starts.toISOString() },
      expiresAt: new Date(allowanceEnd(rollover ?? undefined, now)).toISOString(),
    }
    return rollover ? { ...lot, rollover: rolloverOf(lot.startsAt, rollover.max) } : lot
  })
  // One that has expired is shown while a call holds of it, and has nothing to lose any more.
  const now = months[0]?.now.getTime() ?? 0
  const live = lotsOf(balance).filter(({ expiresAt: end }) => end === null || Date.parse(end) > now)
  return [...live, ...given.filter(({ credits }) => credits > 0)].sort(byDrawOrder)
}

/** Allowances first, then what expires first. What is given later stands after what it equals. */
function byDrawOrder(a: ForecastLot, b: ForecastLot): number {
  const rank = ({ kind }: ForecastLot) => (kind === 'allowance' ? 0 : 1)
  const end = ({ expiresAt }: ForecastLot) => Date.parse(expiresAt ?? '') || Number.MAX_VALUE
  return rank(a) - rank(b) || end(a) - end(b)
}

interface Allowance {
  readonly now: Date
  readonly starts: Date
  readonly credits: number | null
  readonly rollover: Plan['rollover'] | null
}

/** What the plan has yet to give in this month, and what it gives in the next. */
function readAllowances(sql: Sql, accountId: string, mode: Mode): Promise<Allowance[]> {
  return sql<Allowance[]>`
    select m.now, m.starts, allowance_due(a.shard, greatest(m.starts, m.now), a.account_id, ${mode}) as credits, p.rollover
    from account_state a
    cross join (
      select now, (date_trunc('month', now at time zone 'UTC') + later * interval '1 month') at time zone 'UTC' as starts
      from (select ledger_now() as now) clock, generate_series(0, 1) later
    ) m
    left join tariff_plans p on p.shard = a.shard and p.hash = tariff_at(a.shard, greatest(m.starts, m.now))
      and p.plan = plan_at(a.shard, a.account_id, greatest(m.starts, m.now))
    where a.account_id = ${accountId}
    order by m.starts`
}

function lotsOf({ lots }: Balance): ForecastLot[] {
  const own = lots.filter(({ kind }) => kind !== 'overage')
  return own.map(({ rolloverMax, ...lot }) => ({
    ...lot,
    credits: lot.granted + lot.refunded - lot.adjusted - lot.lapsed - lot.settled,
    ...(rolloverMax !== null && { rollover: rolloverOf(lot.startsAt, rolloverMax) }),
  }))
}

/** @param startsAt when the allowance's month began */
function rolloverOf(startsAt: string, max: number) {
  const at = new Date(allowanceEnd(undefined, Date.parse(startsAt))).toISOString()
  return { at, max }
}
