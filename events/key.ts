/**
 * The key stream: a key's life. Names, descriptions and IP addresses are personal data. They stand in the encrypted
 * private document of KeyIssued, KeyImported and KeyUpdated, which always has all three.
 */
import { type Static, Type } from '@sinclair/typebox'
import { Time } from './time.ts'

const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' })
const nullable = <T extends ReturnType<typeof Type.String> | ReturnType<typeof Type.Integer>>(
  t: T,
) => Type.Union([t, Type.Null()])

/** What a key can narrow of its account's limits. null: as the account. */
const limits = {
  /** The endpoints that the key may call. null: all that the plan gives. */
  endpoints: Type.Union([Type.Array(Type.String()), Type.Null()]),
  rateLimit: nullable(Type.Integer({ minimum: 1 })),
  monthlyCap: nullable(Type.Integer({ minimum: 0 })),
  expiresAt: nullable(Time),
}

export const KeyIssued = Type.Object({ hash: Hash, display: Type.String(), ...limits })
export const KeyImported = Type.Object({
  hash: Hash,
  display: Type.String(),
  enabled: Type.Boolean(),
  createdAt: Time,
  ...limits,
})

/** What the owner changes: endpoints, expiry, and the private document. */
export const KeyUpdated = Type.Partial(
  Type.Object({ endpoints: limits.endpoints, expiresAt: limits.expiresAt }),
)
export const KeyLimitsChanged = Type.Partial(
  Type.Object({ rateLimit: limits.rateLimit, monthlyCap: limits.monthlyCap }),
)
export const KeyEnabled = Type.Object({})
export const KeyDisabled = Type.Object({})

/** The previous secret ends at once, or at `previousUntil` where a time of grace was asked for. */
export const KeyRotated = Type.Object({
  hash: Hash,
  display: Type.String(),
  previousHash: nullable(Hash),
  previousUntil: nullable(Time),
})
export const KeyRevoked = Type.Object({})

export type KeyIssued = Static<typeof KeyIssued>

/** The private document of a key, before it is encrypted. */
export interface KeyPrivate {
  readonly name: string
  readonly description: string | null
  readonly allowedIps: readonly string[]
  /** The user who made the key, where it belongs to an organisation. */
  readonly createdBy?: string
}
