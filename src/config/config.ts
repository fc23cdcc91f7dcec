/**
 * The configuration as the program uses it: checked, with defaults filled in and addresses taken from the
 * environment. load-config.ts makes it once at start, and it is passed down.
 */

import type { OverageTerms } from '../../events/overage-terms.ts'
import type { Pack } from '../../events/tariffs.ts'
import type { CreditScale } from '../lib/credit-scale.ts'
import type { Method } from '../lib/http-methods.ts'
import type { PlanLimits, WrittenLimit } from '../lib/rate-limits.ts'
import type { ChargeCondition } from '../pricing/charge-condition.ts'
import type { Condition } from '../pricing/condition.ts'
import type { PriceRule } from '../pricing/price-rule.ts'
import type { RouteBody } from '../pricing/route-body.ts'
import type { Provider } from '../providers/provider.ts'
import type { ConfigFile } from './file/file-schema.ts'
import type { Seller } from './file/seller.ts'
import type { OwnField } from './file/service.ts'
import type { IdentityHeaders } from './header-names.ts'
import type { JsonSchema } from './json-schema.ts'

export interface Config {
  /** The file that was read. */
  readonly file: string
  /** What it says, as it was checked: what is written for its routes is checked in its place (draft-tariff.ts). */
  readonly written: ConfigFile
  readonly services: Readonly<Record<string, Upstream>>
  readonly routes: Readonly<Record<string, Route>>
  /** The schemas that routes share, by name; for the API documentation. */
  readonly schemas?: Readonly<Record<string, JsonSchema>>
  readonly plans: Readonly<Record<string, Plan>>
  /** Credits that accounts buy. */
  readonly packs?: Readonly<Record<string, Pack>>
  /** How people see credits. */
  readonly credits?: CreditScale
  /** Who sells; absent: nobody has said. */
  readonly seller?: Seller
  readonly defaultPlan: string
  readonly limits: Limits
  readonly refunds: Refunds
  readonly support: SupportBounds
  /** How many gateways run. While Redis is away, each admits this part of a rate limit. */
  readonly gateways: number
  /** How many proxies in front append to X-Forwarded-For. */
  readonly trustedProxies: number
  readonly organisationClaim: string
  /** Where a token has its roles; absent: `role` or `roles`. */
  readonly roleClaim?: string
  readonly adminRole: string
  readonly auditorRole: string
  /** Absent: nobody is support. */
  readonly supportRole?: string
  readonly readerRole: string
  readonly legacyKeys: boolean
  /** Headers in which clients may show their key, beside X-API-Key and Authorization; in lower case. */
  readonly keyHeaders: readonly string[]
}

export interface Upstream {
  /** The environment variable that would set `urls`. */
  readonly urlEnv?: string
  /** Where calls of live keys go, the first one first, without a slash at the end. Empty: see `upstreamAddresses`. */
  readonly urls: readonly string[]
  /** Where calls of test keys go. */
  readonly testUrl?: string
  /** The name of the demo service that may stand in. */
  readonly demo?: string
  /** What the gateway adds to every request. The secrets themselves are not here: see `upstreamAddresses`. */
  readonly headers: Readonly<Record<string, OwnField>>
  readonly query: Readonly<Record<string, OwnField>>
  readonly identity: IdentityHeaders
  /** The only headers that cross from clients. Absent: all but those that never do. */
  readonly requestHeaders?: readonly string[]
}

export interface Route {
  /** Names the price in the tariff and the endpoint in events. */
  readonly id: string
  readonly methods: readonly Method[]
  /** The template as it is written, such as `/v1/files/{id}`: see path-template.ts. */
  readonly path: string
  /** The schema of each parameter of the path, by name. */
  readonly parameters: Readonly<Record<string, JsonSchema>>
  /** A parameter of the path may contain a slash, written `%2F`. */
  readonly encodedSlash: boolean
  /** The schema of the query, as an object of its parameters; what fits is forwarded. Absent: no query is taken. */
  readonly query?: 'any' | JsonSchema
  readonly summary: string
  /** Its name in the API documentation, where the file gives one: see operation-ids.ts. */
  readonly operationId?: string
  /** What a key and its plan must allow: the lists called `endpoints` there are of permissions, not of route ids. */
  readonly permission: string
  readonly target: Target
  /** Whose API the route stands in for. */
  readonly provider?: Provider
  readonly request?: RouteBody
  readonly map?: FieldMap
  /** Documentation only. */
  readonly response?: { readonly json: JsonSchema } | { readonly binary: string }
  /** How large the whole body may be; of a form, with its file. */
  readonly maxBodyBytes: number
  /** How long the upstream may take for the whole response. */
  readonly timeoutMs: number
  /** As configured. What a call costs is `AuthorizedCall.price`, from the tariff in force. */
  readonly price: PriceRule
  /** A response that does not meet this is not charged; without it, none that is no 2xx. */
  readonly chargeWhen?: ChargeCondition
  /** The upstream's 401, 402, 407 and 429 that are about the call, and reach the client. */
  readonly passStatuses?: readonly number[]
  /** Whether Range, If-None-Match and their like cross. */
  readonly conditional?: boolean
  readonly streams?: Streams
  /** Calls in the first span of the plan, counted for this route alone; `free`: calls count nowhere. Absent: as the account's do. */
  readonly rateLimit?: number | 'free'
  /** The same with spans of their own. */
  readonly rateLimits?: readonly WrittenLimit[]
}

/** Which requests ask for a response event by event. */
interface Streams {
  readonly when: 'always' | Condition
  /** Laid over such a request's JSON before it is sent: objects are merged, all else replaces. */
  readonly send?: Readonly<Record<string, unknown>>
}

/**
 * Where the response comes from: an upstream, by its name in `services`, or the configuration itself. The path is a
 * template, whose parameters are those of the route's path.
 */
export type Target =
  | { readonly kind: 'upstream'; readonly service: string; readonly path: string }
  | { readonly kind: 'fixed'; readonly json: unknown }

/** By the upstream's field: the name of our field, or where the value comes from and how it is changed. */
export type FieldMap = Readonly<Record<string, string | MappedField>>

/** Where a value comes from: a field of our body, or a parameter of the path or of the query. */
export type MappedField = (
  | { readonly from: string }
  | { readonly parameter: string }
  | { readonly query: string }
) & {
  /** Sent when the request has no value there. */
  readonly default?: unknown
  /** Their values by ours, where they differ. */
  readonly values?: Readonly<Record<string, unknown>>
}

export interface Plan extends PlanLimits {
  /** The allowance of a month. */
  readonly credits: number
  readonly maxInFlight: number
  /** The permissions that it gives, as routes name them. */
  readonly endpoints: 'all' | readonly string[]
  /** The price of a month, net. */
  readonly fee: { readonly minorUnits: number; readonly currency: string }
  /** Credits that an account gets once, with the first of its plans that has a trial. */
  readonly trial?: { readonly credits: number; readonly days: number }
  /** Allowance and fee of the month in which it is taken; absent: the whole. */
  readonly firstMonth?: 'prorated' | 'whole'
  /** For how many months what is left of an allowance is kept, and how much of it there may be; absent: nothing is. */
  readonly rollover?: { readonly max: number; readonly months: number }
  /** How many credits a month beyond all others may be used, billed by a fee for each started `per` of them; absent: none. */
  readonly overage?: OverageTerms & { readonly max: number }
  /** Whether operators may still give it. */
  readonly grantable: boolean
  /** By route: the price for the plan's accounts, instead of the route's own. */
  readonly prices?: Readonly<Record<string, PriceRule>>
}

export interface Limits {
  /** How large a JSON body may be. */
  readonly maxBodyBytes: number
  /** How many values a JSON body may have, and how many fields a form. */
  readonly maxJsonValues: number
  /** How long a client may take to send a body. */
  readonly maxBodySeconds: number
  /** How many bytes a gateway holds at once of all bodies of more than 64 KiB, and of the bodies of management. */
  readonly maxTotalBodyBytes: number
  /** A response up to this size is held back whole, so that its head can carry the charge. */
  readonly maxBufferedBytes: number
  /** How long a client may take to read a response, beyond its upstream's own time. */
  readonly maxDeliverySeconds: number
  /** How long an upstream may take for a whole response, where the route does not say. */
  readonly upstreamTimeoutMs: number
  /** After this an open hold is expired. */
  readonly holdSeconds: number
  /** A gateway that the ledger has not heard of for so long is fenced. */
  readonly fenceAfterSeconds: number
  /** How many keys an account may have that are not revoked. Keys that are issued at the same instant may exceed it. */
  readonly maxKeysPerAccount: number
  /** How long a report over HTTP may take, and may wait for others. */
  readonly maxReportSeconds: number
  /** How many requests to management an owner may make in any minute. */
  readonly maxOwnerRequestsPerMinute: number
  /** How many of them may change something. */
  readonly maxOwnerChangesPerMinute: number
  /** How many requests to management an operator or auditor may make in any minute. */
  readonly maxOperatorRequestsPerMinute: number
  /** A key that has not called for so long keeps nothing reserved for its next calls. */
  readonly leaseIdleSeconds: number
}

/** The most credits that support may move at once. */
export interface SupportBounds {
  readonly maxGrant: number
  readonly maxRefund: number
}

interface Refunds {
  /** Who refunds a charge whose response may not have arrived. */
  readonly unknownDelivery: 'operator' | 'customer'
}
