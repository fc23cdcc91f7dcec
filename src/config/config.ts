/**
 * The configuration as the program uses it: checked, defaults filled in, addresses taken from the
 * environment. Made once at start by load-config.ts and passed down.
 */

import type { Condition } from '../pricing/condition.ts'
import type { PriceRule } from '../pricing/price-rule.ts'
import type { JsonSchema } from './json-schema.ts'

export interface Config {
  /** The file that was read. */
  readonly file: string
  readonly services: Readonly<Record<string, Upstream>>
  readonly routes: Readonly<Record<string, Route>>
  readonly plans: Readonly<Record<string, Plan>>
  readonly defaultPlan: string
  readonly limits: Limits
  /** How many gateways share a limit while Redis is away. */
  readonly gateways: number
  /** How many proxies in front append to X-Forwarded-For. */
  readonly trustedProxies: number
  readonly organisationClaim: string
  readonly adminRole: string
  readonly auditorRole: string
  readonly legacyKeys: boolean
}

export interface Upstream {
  /** The environment variable that would set `url`. */
  readonly urlEnv?: string
  /** Where live keys' calls go, without a slash at the end. Absent: see `upstreamAddresses`. */
  readonly url?: string
  readonly testUrl?: string
  /** The name of the demo service that may stand in. */
  readonly demo?: string
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Route {
  /** Names the price in the tariff and the endpoint in events. */
  readonly id: string
  readonly method: Method
  readonly path: string
  readonly summary: string
  /** What a key's allowed endpoints and a plan's `endpoints` must contain. */
  readonly permission: string
  readonly target: Target
  readonly request?: RouteRequest
  readonly map?: FieldMap
  /** Documentation only. */
  readonly response?: { readonly json: JsonSchema } | { readonly binary: string }
  /** The whole body, for a form with the file in it. */
  readonly maxBodyBytes: number
  /** For the upstream's whole answer. */
  readonly timeoutMs: number
  readonly price: PriceRule
  /** A 2xx for which this does not hold is not charged. */
  readonly chargeWhen?: Condition
  readonly streams?: Streams
}

/** Requests that ask for an answer event by event. */
export interface Streams {
  readonly when: Condition
  /** Laid over such a request's JSON before it is sent: objects are merged, all else replaces. */
  readonly send?: Readonly<Record<string, unknown>>
}

/** Where the answer comes from. */
export type Target =
  | { readonly kind: 'upstream'; readonly service: string; readonly path: string }
  | { readonly kind: 'fixed'; readonly json: unknown }

export type RouteRequest = { readonly json: JsonSchema } | { readonly multipart: Multipart }

export interface Multipart {
  /** The field that carries the file. */
  readonly file: string
  /** Of the other fields, as an object of texts. */
  readonly fields?: JsonSchema
  readonly maxBytes: number
  /** Media types of the file; `audio/*` stands for all of its kind. */
  readonly types: readonly string[]
}

/** Their field by ours: the name, or where to take it from, what to send without it, and other spellings. */
export type FieldMap = Readonly<Record<string, string | MappedField>>

export interface MappedField {
  readonly from: string
  readonly default?: unknown
  readonly values?: Readonly<Record<string, unknown>>
}

export interface Plan {
  readonly rateLimit: number
  readonly windowMs: number
  /** A month's allowance. */
  readonly credits: number
  readonly maxInFlight: number
  readonly endpoints: 'all' | readonly string[]
  /** Of a month, net. */
  readonly fee: { readonly minorUnits: number; readonly currency: string }
  /** Whether operators may still give it. */
  readonly grantable: boolean
}

export interface Limits {
  readonly maxBodyBytes: number
  /** How long a client may take to send a body. */
  readonly maxBodySeconds: number
  /** How much of bodies of more than 64 KiB a gateway holds at once. */
  readonly maxTotalBodyBytes: number
  /** How large an answer is held back whole. */
  readonly maxBufferedBytes: number
  readonly upstreamTimeoutMs: number
  /** An open hold older than this is expired. */
  readonly holdSeconds: number
}
