/** An operator key, as requests and responses have it. */
import { t } from 'elysia'
import { maxOperatorKeyDays } from '../../../events/bounds.ts'
import { operatorRoles } from '../../../events/operator-keys.ts'
import type { OperatorKeyView } from '../../management/manage-operator-keys.ts'
import { closed, graceSeconds, integer, keyName, plainReason, time, typedSchema } from './fields.ts'

const role = t.Union(
  operatorRoles.map((name) => t.Literal(name)),
  {
    title: 'auditor, support or admin',
    description: 'What it may do is what an operator of this role may, within the same bounds.',
  },
)

const expiresAt = {
  ...time,
  description: `At most ${maxOperatorKeyDays} days ahead.`,
}

export const OperatorKey = typedSchema<OperatorKeyView>(
  t.Object(
    {
      id: t.String(),
      name: t.String(),
      role,
      display: t.String({ description: 'What can be shown of its text.' }),
      state: t.Union([t.Literal('active'), t.Literal('expired'), t.Literal('revoked')]),
      expiresAt: t.String(),
      previousUntil: t.Nullable(
        t.String({ description: 'Until when the secret before the last one still works.' }),
      ),
      revokedAt: t.Nullable(t.String()),
      createdAt: t.String(),
      updatedAt: t.String(),
      version: integer({ description: 'For `If-Match`.' }),
    },
    { description: 'An operator key, without its secret.' },
  ),
)

export const ShownOperatorKey = t.Object({
  message: t.String(),
  key: t.String({
    description: 'The whole text, which is shown this once only.',
    examples: ['sk_op_4fTq0bYxP2mVn8RkWzL1sD9q2X7HcJ9a2XQvzr'],
  }),
  operatorKey: OperatorKey,
})

export const NewOperatorKey = closed({
  name: keyName,
  role,
  expiresAt,
  reason: plainReason,
})

export const OperatorKeyRotation = t.Optional(
  closed({
    graceSeconds,
    expiresAt: t.Optional(expiresAt),
    reason: plainReason,
  }),
)
