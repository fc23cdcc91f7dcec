/**
 * All that Tollbook knows of one kind of price. Each kind has a file in rules/, which exports its schema and an
 * object of this type; price-rule.ts lists them.
 */
import type { CreditScale } from '../lib/credit-scale.ts'
import type { Fault } from '../lib/fault.ts'
import type { Method } from '../lib/http-methods.ts'
import type { ChargeCondition } from './charge-condition.ts'
import type { Condition } from './condition.ts'
import type { RequestSource } from './request-source.ts'
import type { RouteBody } from './route-body.ts'

export interface PriceKind<Rule> {
  /** Whether the rule says how many of what it counts its credits buy. */
  readonly inUnits: boolean
  /** Whether what the rule counts stands in the JSON of the response, which then is read to its end. */
  readsJson(rule: Rule): boolean
  /** What is wrong with the rule on this route: a pointer that leads nowhere, a body that cannot be counted. */
  findFaults(rule: Rule, route: PriceableRoute): Fault[]
  /** Where in the request it stands what is counted. */
  countedIn(rule: Rule): readonly RequestSource[]
  /**
   * The most that the call can use, which is held before it.
   *
   * @throws TypeError when the request lacks what is counted. The route's schema prevents that, and a call that
   *   cannot be counted must not run free.
   */
  holdQuantity(rule: Rule, request: RequestContent): number
  /**
   * The largest quantity that `holdQuantity` can give for a request that the route admits.
   * @param maxBytes how large the request's body may be
   */
  maxQuantity(rule: Rule, route: PriceableRoute, maxBytes: number): number
  /** What the call used: `held`, where nothing says better. More than that is not charged, but recorded. */
  usedQuantity(rule: Rule, call: CallContent, held: number): number
  /** The price in a sentence or two, for the API documentation. Markdown. @param scale how credits are shown */
  text(rule: Rule, scale?: CreditScale): string
  /** The price in a few words, for tables. @param scale how credits are shown */
  shortText(rule: Rule, scale?: CreditScale): string
}

type Schema = Readonly<Record<string, unknown>>

/** What a route says of its path and its query, as configured. */
export interface UrlRoute {
  /** The template. */
  readonly path?: string
  /** The schemas of the path's parameters. */
  readonly parameters?: Readonly<Record<string, Schema>>
  /** The schemas of the query's parameters. */
  readonly query?: 'any' | Readonly<Record<string, Schema>>
}

/** A route as pricing sees it, without its price. */
export interface PriceableRoute extends UrlRoute {
  readonly method?: Method
  readonly methods?: readonly Method[]
  /** A response that does not meet this is not charged; without it, none that is no 2xx. */
  readonly chargeWhen?: ChargeCondition | undefined
  /** Clients may ask for a part of the response, or only for what has changed. */
  readonly conditional?: boolean
  /** Refusals of the upstream that reach a client, beside those that do by themselves. */
  readonly passStatuses?: readonly number[]
  readonly request?: RouteBody
  readonly response?: { readonly json: Schema } | { readonly binary: string }
  readonly streams?: { readonly when: 'always' | Condition }
}

/** What is known of a request before it is sent on. */
export interface RequestContent {
  /** Absent where nothing asks for it. */
  readonly method?: string
  /** The body, where it is JSON; the fields, where it is a form. */
  readonly json?: unknown
  /** The files of a form, by the name of their field. */
  readonly files?: Readonly<Record<string, FileContent>>
  /** The size of the body as the client sends it. */
  readonly bytes?: number
  /** It asks for a response event by event. */
  readonly streams?: boolean
  /** The values of the path's parameters, by name. */
  readonly parameters?: Readonly<Record<string, unknown>>
  /** The values of the query's parameters, by name. */
  readonly query?: Readonly<Record<string, unknown>>
}

export interface FileContent {
  readonly bytes: number
  /** How long the sound in it lasts, as counted; absent where that cannot be counted. */
  readonly seconds?: number
  /** What the header of a file says that cannot be counted: enough to hold for it, and not to charge by. */
  readonly claimedSeconds?: number
}

/** What is known of a response that may be charged. `json` must be the whole body wherever `readsResponse` says so. */
interface ResponseContent {
  readonly json?: unknown
  readonly headers?: Headers
  /** Of a stream, in place of its JSON. */
  readonly events?: SaidInEvents
}

/** What the events of a stream have said so far. */
export interface SaidInEvents {
  /** The number of the last event that had it. */
  at(source: { readonly number: string; readonly event?: string | Condition }): number | undefined
  /** The stream is over: what it has not said it says no more. */
  readonly hasEnded: boolean
}

export interface CallContent {
  readonly request: RequestContent
  readonly response: ResponseContent
}
