/**
 * What the calls of a period counted, component by component, of prices that take it apart: those of several components,
 * with rates by a value, or in proportion. Statements without such prices read nothing for it.
 */
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'
import { type PricesByPlan, priceForPlan, pricingPlan } from '../../pricing/plan-prices.ts'
import {
  type Component,
  componentsOf,
  isList,
  isMeteredComponent,
  type PriceRule,
} from '../../pricing/price-rule.ts'
import { kindPrefix } from '../../pricing/priced-parts.ts'
import { hasKindRates, tokenKinds } from '../../pricing/token-kinds.ts'
import { countedField } from '../log-reader/counted-field.ts'
import type { Period } from '../log-reader/period.ts'
import { type AccountRange, readInRanges } from '../log-reader/read-in-ranges.ts'
import { isBetween, isInRange } from './range-conditions.ts'

/** Charged calls of one endpoint, tariff, component and value. */
export interface ComponentSum {
  readonly endpoint: string
  readonly tariff: string
  /** The plan that priced them, where it has prices of its own; else empty. */
  readonly plan: string
  /** Empty: the price has one component, which has no name. */
  readonly name: string
  /** The name in the price's table; null where its rates depend on no value. */
  readonly by: string | null
  /** Of what has tiers, the number of the tier; else null. */
  readonly tier: number | null
  readonly quantity: Sum
  /** How many units were started, call by call. */
  readonly units: Sum
}

/** The prices of a route under the tariffs that priced calls of the period, and under the plans that have prices of their own. */
export type ItemisedPrices = ReadonlyMap<string, readonly ItemisedPrice[]>

interface ItemisedPrice {
  readonly tariff: string
  /** Empty: of a call that names none. */
  readonly plan: string
  readonly price: PriceRule
}

/** The prices of these endpoints that take a charge apart, by endpoint. */
export async function readItemisedPrices(
  sql: Sql,
  shard: number,
  endpoints: readonly string[],
): Promise<ItemisedPrices> {
  const rows = await sql<{ hash: string; content: PricesByPlan }[]>`
    select distinct on (hash) hash, content from tariffs where shard = ${shard}`
  const found = new Map<string, ItemisedPrice[]>()
  for (const endpoint of endpoints) {
    for (const { hash: tariff, content } of rows) {
      const plans = Object.keys(content.plans).filter((plan) => pricingPlan(content, plan))
      for (const plan of ['', ...plans]) {
        const price = priceForPlan(content, endpoint, plan)
        if (price === undefined || !isItemised(price)) continue
        const ofEndpoint = found.get(endpoint) ?? []
        found.set(endpoint, ofEndpoint)
        ofEndpoint.push({ tariff, plan, price })
      }
    }
  }
  return found
}

function isItemised(price: PriceRule): boolean {
  return componentsOf(price).some(
    (component) =>
      isList(price) ||
      component.by !== undefined ||
      component.tiers !== undefined ||
      'perMillion' in component,
  )
}

/** The charged calls of the period, summed up by component. */
export async function readComponentSums(
  sql: Sql,
  range: AccountRange,
  period: Period,
  prices: ItemisedPrices,
): Promise<ComponentSum[]> {
  const wanted = [...prices].flatMap(([endpoint, ofEndpoint]) =>
    ofEndpoint.flatMap(({ tariff, plan, price }) =>
      partsOf(price).map(({ component, name, others, ...tier }) => ({
        ...{ endpoint, tariff, plan, name, others, ...tier },
        unit: 'unit' in component ? (component.unit ?? 1) : 1,
        isMetered: isMeteredComponent(component) && (others.length > 0 || !isByKind(component)),
        // Every call is one call, whether it was recorded so or not.
        least: component.per === 'request' ? 1 : null,
      })),
    ),
  )
  if (wanted.length === 0) return []
  const sums: ComponentSum[] = []
  const read = (piece: AccountRange) => sql<ComponentSum[]>`
    select c.endpoint, c.tariff, c.plan, c.name, e.rate as by, c.tier,
      total(c.quantity)::numeric as quantity, total((c.quantity + c.unit - 1) / c.unit)::numeric as units
    from (
      select endpoint, tariff, quantity, (payload ->> 'volume')::bigint as volume, (${sql.unsafe(countedField('by'))}) #>> '{}' as rate,
        coalesce((${sql.unsafe(countedField('plan'))}) #>> '{}', '') as plan, ${sql.unsafe(countedField('parts'))} as parts
      from events e
      where ${isInRange(sql, piece)} and type = 'HoldSettled' and ${isBetween(sql, period.start, period.end)}
        and endpoint = any(${sql.array([...prices.keys()], 1009)})
    ) e
    cross join lateral (
      select w.endpoint, w.tariff, w.plan, w.name, w.unit, w.tier, case
        when w.tier is not null then greatest(0, least(e.volume + counted.quantity, w."upTo") - greatest(e.volume, w."from"))
        else counted.quantity end as quantity
      from json_to_recordset(${JSON.stringify(wanted)}::text::json)
        w (endpoint text, tariff text, plan text, name text, unit bigint, "isMetered" boolean, least bigint, others json,
          tier integer, "from" bigint, "upTo" bigint)
      cross join lateral (select case when w.name = '' or w."isMetered" then e.quantity - (
          select coalesce(sum((e.parts ->> other.name)::bigint), 0)
          from json_array_elements_text(w.others) other (name))::bigint
        else coalesce((e.parts ->> w.name)::bigint, w.least, 0) end as quantity) counted
      where w.endpoint = e.endpoint and w.tariff = e.tariff and w.plan = e.plan
    ) c
    group by 1, 2, 3, 4, 5, 6`
  for await (const piece of readInRanges(range, read)) sums.push(...piece)
  return sums
}

/** What is counted under which name. Of kinds of tokens, output is all of them but the others, see counted-field.ts. */
function partsOf(price: PriceRule) {
  return componentsOf(price).flatMap((component) => {
    const name = isList(price) && 'name' in component ? String(component.name) : undefined
    const { tiers } = component
    if (tiers) {
      return tiers.map(({ upTo }, tier) => ({
        ...{ component, name: name ?? '', others: [], tier },
        ...{ from: tiers[tier - 1]?.upTo ?? 0, upTo },
      }))
    }
    if (!isByKind(component)) return [{ component, name: name ?? '', others: [] }]
    const prefix = kindPrefix(name)
    const others = tokenKinds.filter((kind) => kind !== 'output').map((kind) => prefix + kind)
    return [
      { component, name: `${prefix}output`, others },
      ...others.map((other) => ({ component, name: other, others: [] })),
    ]
  })
}

function isByKind(component: Component): boolean {
  return component.per === 'token' && hasKindRates(component.perMillion)
}
