/**
 * The key stream: a key's life. Names, descriptions and IP addresses are personal data. They stand in the encrypted
 * private document of KeyIssued, KeyImported and KeyUpdated, which always has all three.
 */
import { Type } from '@sinclair/typebox'
import { maxAmount, maxInteger } from './bounds.ts'
import { groupPattern, KeyBudget } from './budget.ts'
import type { StreamEvents } from './catalogue-entry.ts'
import { Time } from './time.ts'
import { budgetsInWords, changes, minute } from './words.ts'

const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' })
const nullable = <T extends ReturnType<typeof Type.String> | ReturnType<typeof Type.Integer>>(
  t: T,
) => Type.Union([t, Type.Null()])

/** What a key can narrow of its account's limits. null: as the account. */
const limits = {
  /** The permissions that the key has, as routes name them. null: all that the plan gives. */
  endpoints: Type.Union([Type.Array(Type.String()), Type.Null()]),
  rateLimit: nullable(Type.Integer({ minimum: 1, maximum: maxInteger })),
  monthlyCap: nullable(Type.Integer({ minimum: 0, maximum: maxAmount })),
  expiresAt: nullable(Time),
}

export const keyEvents = {
  KeyIssued: {
    stream: 'key',
    byOwner: true,
    payload: Type.Object({ hash: Hash, display: Type.String(), ...limits }),
    opensStream: true,
    setsSecret: true,
    describe: ({ payload }) => `Key ${payload.display} issued`,
  },

  KeyImported: {
    stream: 'key',
    payload: Type.Object({
      hash: Hash,
      display: Type.String(),
      enabled: Type.Boolean(),
      createdAt: Time,
      ...limits,
    }),
    opensStream: true,
    setsSecret: true,
    describe: ({ payload }) => `Key ${payload.display} imported`,
  },

  /** What the owner changes: endpoints, expiry, and the private document. */
  KeyUpdated: {
    stream: 'key',
    byOwner: true,
    payload: Type.Partial(
      Type.Object({ endpoints: limits.endpoints, expiresAt: limits.expiresAt }),
    ),
    describe: ({ payload }) =>
      `Key changed: ${changes(payload) || 'name, description or addresses'}`,
  },

  KeyLimitsChanged: {
    stream: 'key',
    byOwner: true,
    payload: Type.Partial(
      Type.Object({ rateLimit: limits.rateLimit, monthlyCap: limits.monthlyCap }),
    ),
    describe: ({ payload }) => `Key limits changed: ${changes(payload)}`,
  },

  /** All budgets of the key's own, in place of those before. What is used from then on counts. */
  KeyBudgetsChanged: {
    stream: 'key',
    byOwner: true,
    payload: Type.Object({ budgets: Type.Array(KeyBudget) }),
    describe: ({ payload }, scale) =>
      `Key budgets changed: ${budgetsInWords(payload.budgets, scale)}`,
  },

  /** The key counts in the budgets of this group from then on; null: of none. */
  KeyGrouped: {
    stream: 'key',
    byOwner: true,
    payload: Type.Object({
      group: Type.Union([Type.String({ pattern: groupPattern }), Type.Null()]),
    }),
    describe: ({ payload }) =>
      payload.group === null
        ? 'Key taken out of its group'
        : `Key put into the group ${payload.group}`,
  },

  KeyEnabled: {
    stream: 'key',
    byOwner: true,
    payload: Type.Object({}),
    describe: () => 'Key enabled',
  },
  KeyDisabled: {
    stream: 'key',
    byOwner: true,
    payload: Type.Object({}),
    describe: () => 'Key disabled',
  },

  /** The previous secret ends at once, or at `previousUntil` where a time of grace was asked for. */
  KeyRotated: {
    stream: 'key',
    byOwner: true,
    payload: Type.Object({
      hash: Hash,
      display: Type.String(),
      previousHash: nullable(Hash),
      previousUntil: nullable(Time),
    }),
    setsSecret: true,
    describe: ({ payload: { display, previousUntil } }) => {
      const previous = previousUntil ? `works until ${minute(previousUntil)}` : 'is dead'
      return `Key given a new secret, ${display}; the old one ${previous}`
    },
  },

  KeyRevoked: {
    stream: 'key',
    byOwner: true,
    payload: Type.Object({}),
    describe: () => 'Key revoked',
  },
} as const satisfies StreamEvents

/** The private document of a key, before it is encrypted. */
export interface KeyPrivate {
  readonly name: string
  readonly description: string | null
  readonly allowedIps: readonly string[]
  /** The user who made the key, where it belongs to an organisation. */
  readonly createdBy?: string
}
