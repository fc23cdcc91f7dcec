/**
 * The operators stream: the lives of operator keys, with which programs come as operators. It is of no account, so nothing in it is encrypted: names and
 * reasons stand in the payload.
 */
import { Type } from '@sinclair/typebox'
import type { StreamEvents } from './catalogue-entry.ts'
import { Time } from './time.ts'
import { minute } from './words.ts'

/** What an operator key can be: an operator of this role. */
export const operatorRoles = ['auditor', 'support', 'admin'] as const
export type OperatorRole = (typeof operatorRoles)[number]

const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Id = Type.String({ pattern: '^opk_[0-9A-Za-z]{22}$' })
/** What every event of the stream says: which key, and why. */
const about = { id: Id, reason: Type.Optional(Type.String()) }

export const operatorKeyEvents = {
  OperatorKeyIssued: {
    stream: 'operators',
    payload: Type.Object({
      ...about,
      name: Type.String({ minLength: 1 }),
      role: Type.Union(operatorRoles.map((role) => Type.Literal(role))),
      hash: Hash,
      display: Type.String(),
      expiresAt: Time,
    }),
    opensStream: true,
    describe: ({ payload: { name, role, display, expiresAt } }) =>
      `Operator key ${display} (${name}) issued, with the role ${role} until ${minute(expiresAt)}`,
  },

  /** The previous secret ends at once, or at `previousUntil` where a time of grace was asked for. */
  OperatorKeyRotated: {
    stream: 'operators',
    payload: Type.Object({
      ...about,
      hash: Hash,
      display: Type.String(),
      expiresAt: Time,
      previousHash: Type.Union([Hash, Type.Null()]),
      previousUntil: Type.Union([Time, Type.Null()]),
    }),
    describe: ({ payload: { display, expiresAt, previousUntil } }) => {
      const previous = previousUntil ? `works until ${minute(previousUntil)}` : 'is dead'
      return `Operator key given a new secret, ${display}, until ${minute(expiresAt)}; the old one ${previous}`
    },
  },

  OperatorKeyRevoked: {
    stream: 'operators',
    payload: Type.Object(about),
    describe: ({ payload: { id } }) => `Operator key ${id} revoked`,
  },
} as const satisfies StreamEvents
