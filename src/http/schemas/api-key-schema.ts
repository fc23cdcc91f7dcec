/**
 * An API key, as requests and responses have it. Programs of the replaced service know the field names, so
 * test/http/fixtures keeps them: a field may be added, never renamed.
 */

import { t } from 'elysia'
import type { KeyBudget } from '../../../events/budget.ts'
import { invalidIpEntries } from '../../gate/authorize/client-ip.ts'
import type { Sum } from '../../lib/sums.ts'
import type { KeyView } from '../../management/key-view.ts'
import type { KeyChange } from '../../management/manage-keys.ts'
import type { InvalidPart } from '../../problems/refusal.ts'
import { group, keyBudgetFields, keyBudgets } from './budget-schema.ts'
import {
  addresses,
  description,
  integer,
  iso,
  keyName,
  mode,
  monthlyCredits,
  nullable,
  permissions,
  rateLimit,
  type Static,
  sum,
  time,
  typedSchema,
} from './fields.ts'

export interface ApiKey {
  readonly id: string
  readonly keyPrefix: string
  readonly userId: string | null
  readonly organizationId: string | null
  readonly name: string
  readonly description: string | null
  readonly tier: string
  readonly rateLimit: number
  readonly monthlyCredits: number
  readonly creditsUsed: Sum
  readonly creditsResetAt: string
  readonly allowedEndpoints: readonly string[]
  readonly allowedIps: readonly string[]
  readonly active: boolean
  readonly expiresAt: string | null
  readonly lastUsedAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
  readonly accountId: string
  readonly mode: 'live' | 'test'
  readonly revokedAt: string | null
  readonly version: number
  readonly budgets: readonly KeyBudget[]
  readonly group: string | null
}

export const ApiKey = typedSchema<ApiKey>(
  t.Object(
    {
      id: t.String(),
      keyPrefix: t.String({ description: 'What can be shown of the key: prefix and last four.' }),
      userId: t.Nullable(
        t.String({ description: "Its owner; of an organisation's key the user who made it." }),
      ),
      organizationId: t.Nullable(t.String()),
      name: t.String(),
      description: t.Nullable(t.String()),
      tier: t.String({ description: "The account's plan." }),
      rateLimit: integer({ description: "The key's own, else its account's." }),
      monthlyCredits: integer({
        description: "The key's own monthly cap, else the plan's allowance.",
      }),
      creditsUsed: sum('Charged to this key this UTC month.'),
      creditsResetAt: t.String({ description: 'When the next UTC month begins.' }),
      allowedEndpoints: t.Array(t.String()),
      allowedIps: t.Array(t.String()),
      active: t.Boolean(),
      expiresAt: t.Nullable(t.String()),
      lastUsedAt: t.Nullable(t.String()),
      createdAt: t.String(),
      updatedAt: t.String(),
      accountId: t.String(),
      mode,
      revokedAt: t.Nullable(t.String()),
      version: integer(),
      budgets: t.Array(t.Object(keyBudgetFields), { description: "The key's own." }),
      group: t.Nullable(t.String({ description: 'The group whose budgets it counts in.' })),
    },
    { description: 'An API key, without its secret.' },
  ),
)

/** The response to a request that changed a key. */
export const ChangedKey = t.Object({ message: t.String(), apiKey: ApiKey })
/** The response that shows the whole key. */
export const ShownKey = t.Object({
  message: t.String(),
  key: t.String({ description: 'The whole key. It is shown this once and stored nowhere.' }),
  apiKey: ApiKey,
})
export const revokedMessage = 'The key is revoked and buys nothing more.'

/** @param permissions all permissions there are, which a plan with `endpoints: all` gives */
export function apiKeyOf(view: KeyView, permissions: readonly string[]): ApiKey {
  const { owner, planEndpoints } = view
  const ofPlan = planEndpoints === 'all' ? permissions : planEndpoints
  return {
    id: view.keyId,
    keyPrefix: view.display,
    userId: owner.kind === 'user' ? owner.id : (view.createdBy ?? null),
    organizationId: owner.kind === 'organisation' ? owner.id : null,
    name: view.name,
    description: view.description,
    tier: view.plan,
    rateLimit: view.rateLimit ?? view.accountRateLimit,
    monthlyCredits: view.monthlyCap ?? view.planCredits,
    creditsUsed: view.creditsUsed,
    creditsResetAt: view.nextMonth,
    allowedEndpoints: view.endpoints ?? ofPlan,
    allowedIps: view.allowedIps,
    active: view.enabled && view.revokedAt === null,
    expiresAt: view.expiresAt,
    lastUsedAt: view.lastUsedAt,
    createdAt: view.createdAt,
    updatedAt: view.updatedAt,
    accountId: view.accountId,
    mode: view.mode,
    revokedAt: view.revokedAt,
    version: view.version,
    budgets: view.budgets,
    group: view.group,
  }
}

/** The fields of a key that a body may have; null removes a limit of the key's own. */
export const keyFields = {
  description: t.Optional(description),
  rateLimit: t.Optional(nullable(rateLimit)),
  monthlyCredits: t.Optional(nullable(monthlyCredits)),
  allowedEndpoints: t.Optional(permissions),
  allowedIps: t.Optional(addresses),
  expiresAt: t.Optional(nullable(time)),
}

/** The fields that a PATCH may have. */
export const keyPatchFields = {
  name: t.Optional(keyName),
  active: t.Optional(t.Boolean()),
  budgets: t.Optional(keyBudgets),
  group: t.Optional(nullable(group)),
  ...keyFields,
}

type KeyFields = Static<ReturnType<typeof t.Object<typeof keyPatchFields>>>

/** Where such a body has the fields of a management command. */
export const keyPointers = {
  endpoints: '/allowedEndpoints',
  monthlyCap: '/monthlyCredits',
  plan: '/tier',
}

/** The body as a change of the management commands. */
export function keyChangeOf(body: KeyFields): KeyChange {
  const { name, description, allowedIps, allowedEndpoints, expiresAt, active } = body
  return {
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(allowedIps !== undefined && { allowedIps }),
    ...(allowedEndpoints !== undefined && {
      endpoints: allowedEndpoints && [...new Set(allowedEndpoints)],
    }),
    ...(expiresAt !== undefined && { expiresAt: expiresAt && iso(expiresAt) }),
    ...(body.rateLimit !== undefined && { rateLimit: body.rateLimit }),
    ...(body.monthlyCredits !== undefined && { monthlyCap: body.monthlyCredits }),
    ...(body.budgets !== undefined && { budgets: body.budgets }),
    ...(body.group !== undefined && { group: body.group }),
    ...(active !== undefined && { enabled: active }),
  }
}

/** The entries of the body's IP list that are neither addresses nor ranges. */
export function invalidAddresses({ allowedIps = [] }: KeyFields): InvalidPart[] {
  const invalid = new Set(invalidIpEntries(allowedIps))
  return allowedIps.flatMap((entry, i) =>
    invalid.has(entry)
      ? [{ pointer: `/allowedIps/${i}`, detail: 'expected an IP address or a CIDR range' }]
      : [],
  )
}
