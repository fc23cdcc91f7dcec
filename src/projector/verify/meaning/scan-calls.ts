/**
 * One scan of a range for the events of calls: each has the columns of its type, its credits are what it moves, and what is
 * bought is bought by a key, at a tariff and from a lot that stood then. Sound events come back in groups that cost the same,
 * to be priced.
 */
import {
  drawingTypes,
  frequentTypes,
  holdTypes,
  typesWith,
} from '../../../../events/event-types.ts'
import { typeIn } from '../../../../events/type-condition.ts'
import { type CheckConnection, eventsOf, type LogRange } from '../log-check.ts'
import { hasColumns } from './event-columns.ts'

/** Statements that make the tables which the scan joins. */
export const scanTables: readonly string[] = [
  // After an event at a position, up to the next one of the key or its account; null: still. `as_last` and `as_first` are its
  // version in the text of a payload: to search for them costs a fraction of reading JSON.
  `create table key_spans (key_id text not null, account_id text not null, mode text not null, after bigint not null,
    up_to bigint, buys boolean not null, expires_at timestamptz, as_last text not null, as_first text not null)`,
  'create table live_lots (lot bigint not null, account_id text not null, mode text not null, starts_at timestamptz, expires_at timestamptz)',
]

/** Events of a range that are told apart by nothing that the rules ask about. */
export interface EventGroup {
  readonly type: string
  /** Of holds and charges of calls with plain payloads; null: of another event. */
  readonly tariff: string | null
  readonly endpoint: string | null
  readonly quantity: number | null
  readonly credits: number | null
  /** Whether the call has an Idempotency-Key. */
  readonly claims: boolean
  readonly events: number
  /** What is wrong with each of them, and where they are. */
  readonly fault: string | null
  readonly positions: readonly number[] | null
  /** The ids of calls among them that have to be followed event by event. */
  readonly followed: readonly string[] | null
  /** Where the events are whose payloads are of no plain form. */
  readonly unusual: readonly number[] | null
}

interface ScanTerms {
  /** The tariff in force, as an SQL expression. */
  readonly tariff: string
  /** Producers that were fenced, by their instances. */
  readonly fenced: ReadonlyMap<string, number>
}

const charges = typeIn(typesWith('onLease', 'charges'))
/** What is decided by the key, the account and the tariff as they are then. */
const isPurchase = `(${typeIn(drawingTypes)} or ${charges} and held is null)`
const isPriced = `(${charges} or ${typeIn(typesWith('hold', 'opens'))} and slots is null)`

/** Calls that are followed event by event: more than one lot, more than one hold, or an end that their gateway did not bring. */
const isFollowed = `(${typeIn(holdTypes)} and (cardinality(lots) > 1 or ${typeIn([
  ...typesWith('hold', 'extends'),
  'HoldExpired',
])} or type = 'HoldReleased' and held is not null and quantity is not null or ${charges} and strpos(payload::text, '"gateway"') > 0))`

/**
 * Whether an event's payload is one of those that nearly all have, as far as its text shows without being read: that of a hold,
 * of a charge, and of a charge on a lease.
 */
const isPlain = `case e.type
  when 'CreditsHeld' then starts_with(e.payload::text, '{"holdSeconds":') and strpos(e.payload::text, s.as_last) > 0
    and octet_length(e.payload::text) - octet_length(s.as_last) between 17 and 22
  when 'HoldSettled' then case when e.held is null
    then octet_length(e.payload::text) = octet_length(s.as_first) + 48 else e.payload::text = '{}' end
  when 'HoldExpired' then e.payload::text = '{}'
end`

export function scanCalls(
  connection: CheckConnection,
  range: LogRange,
  terms: ScanTerms,
): Promise<EventGroup[]> {
  return connection.run<EventGroup>([
    `select type, ${['tariff', 'endpoint', 'quantity', 'credits'].map(ofPriced).join(', ')},
       claims, fault, count(*) as events,
       array_agg(position) filter (where fault is not null) as positions,
       array_agg(request_id) filter (where followed) as followed,
       array_agg(position) filter (where fault is null and is_plain is not true) as unusual
     from (
       select position, type, request_id, tariff, endpoint, quantity, credits, claims, followed, is_plain,
         is_priced and is_plain and fault is null as priced, fault
       from (
         select e.position, e.type, e.request_id, e.tariff, e.endpoint, e.quantity, e.credits, claims, followed, is_priced,
           ${isPlain} as is_plain, ${faultOf(terms)} as fault
         from (
           select *, ${isPriced} as is_priced, ${isFollowed} as followed,
             type = 'CreditsHeld' and strpos(payload::text, '"claim"') > 0 as claims
           from ${eventsOf(range)} and ${typeIn(frequentTypes)}
         ) e
         left join key_spans s on s.key_id = e.key_id and e.position > s.after
           and (s.up_to is null or e.position <= s.up_to)
         left join live_lots l on l.lot = e.lots[1]
         -- What stands above would otherwise be computed wherever it is named.
         offset 0
       ) checked
     ) each
     group by 1, 2, 3, 4, 5, 6, 7`,
  ])
}

function ofPriced(column: string): string {
  return `case when priced then ${column} end as ${column}`
}

/** What is wrong with an event; the first that applies. */
function faultOf({ tariff, fenced }: ScanTerms): string {
  const isPurchaseOf = isPurchase.replace(/\b(type|held)\b/g, 'e.$1')
  return `case
    when not (${shapes}) then 'its columns or its credits are not those of an event of its type'
    when s.key_id is null or s.account_id <> e.account_id or s.mode <> e.mode
      then 'its key is not of its account and mode'
    when e.actor <> 'key:' || e.key_id and not (e.type in ('HoldExpired', 'HoldSettled') and e.actor = 'gateway')
      and e.type <> 'UsageImported'
      then 'it is not its key that calls'
    when ${isPurchaseOf} and strpos(e.payload::text, s.as_last) = 0 and strpos(e.payload::text, s.as_first) = 0
      then 'its key was of another version'
    when ${isPurchaseOf} and not s.buys then 'its key or its account could not buy'
    when ${isPurchaseOf} and s.expires_at <= e.recorded_at then 'its key had expired'
    when ${isPurchaseOf} and e.type <> 'HoldExtended' and e.tariff is distinct from (${tariff})
      then 'its tariff was not in force'
    when e.lots[1] is not null and (l.lot is null or l.account_id <> e.account_id or l.mode <> e.mode)
      then format('lot %s is of another account or mode', e.lots[1])
    when ${isPurchaseOf} and (e.recorded_at < l.starts_at or l.expires_at <= e.recorded_at)
      then format('lot %s was not good at that time', e.lots[1])
    ${fencedFault(fenced)}
  end`
}

function fencedFault(fenced: ReadonlyMap<string, number>): string {
  if (fenced.size === 0) return ''
  const values = [...fenced].map(([instance, at]) => `('${instance.replaceAll("'", "''")}', ${at})`)
  return `when e.instance in (select f.instance from (values ${values.join(', ')}) f (instance, at) where f.at < e.position)
    then 'its gateway was fenced'`
}

/** The sum of an array that mostly has one element. */
function sumOf(column: string): string {
  return `case cardinality(${column}) when 1 then ${column}[1] else (select coalesce(sum(each), 0) from unnest(${column}) each) end`
}

const sameLength = (column: string) => `cardinality(lots) = cardinality(${column})`
const namesLease = `strpos(payload::text, '"lease":') > 0`
/** A UUIDv7, as whatever opens a request has. */
const isNamed = `request_id like '________-____-7___-____-____________'`
const isMoment = 'occurred_at = recorded_at'
const endOfHold = `lots is not null and held is not null and ${sameLength('held')} and credits = -(${sumOf('held')})
  and (endpoint is null) = (slots is not null)`

/** Beside its columns, what an event of the type must be. */
const more: Readonly<Record<string, string>> = {
  CreditsHeld: `${isMoment} and credits = ${sumOf('held')} and ${sameLength('held')}
    and (slots is null) = (endpoint is not null) and (slots is null) = (quantity is not null) and ${isNamed}`,
  HoldExtended: `credits = ${sumOf('held')} and ${sameLength('held')}`,
  HoldSettled: `credits = ${sumOf('moved')} and ${sameLength('moved')}
    and (held is not null and ${sameLength('held')} and not ${namesLease} or held is null and ${namesLease} and ${isMoment} and ${isNamed})
    and (status is null) = (latency_ms is null) and (status is null) = (strpos(payload::text, '"gateway"') > 0)`,
  HoldReleased: `case when not ${namesLease} then ${endOfHold}
    else credits = 0 and num_nonnulls(held, lots, slots) = 0 and num_nulls(endpoint, quantity) = 0 and ${isMoment} and ${isNamed} end`,
  HoldExpired: endOfHold,
  CallsCounted: `${isMoment} and quantity > 0`,
  CallsRefused: `${isMoment} and quantity > 0`,
  // Of a day before it was recorded.
  UsageImported: 'occurred_at <= recorded_at',
}

const shapes = `case e.type ${frequentTypes
  .map((type) => `when '${type}' then ${hasColumns(type)} and (${shapeOf(type)})`)
  .join(' ')} end`.replace(
  /\b(stream_version|account_id|key_id|mode|request_id|endpoint|tariff|credits|quantity|slots|status|latency_ms|lots|held|moved|private|occurred_at|recorded_at|payload)\b/g,
  'e.$1',
)

function shapeOf(type: string): string {
  return more[type] ?? 'true'
}

/** Whether some of the groups need what only a few logs have. */
export function hasClaims(groups: readonly EventGroup[]): boolean {
  return groups.some(({ claims }) => claims)
}
