/** An account and its credits, as responses show them. */
import { t } from 'elysia'
import type { AccountView } from '../../management/account-view.ts'
import type { Balance } from '../../reports/account/balance.ts'
import { budgetFields } from './budget-schema.ts'
import { integer, sum, typedSchema } from './fields.ts'

const count = integer()
const text = t.String()

/** Who an account's owner is, as responses say it. */
export const Profile = t.Object(
  {
    name: t.Nullable(text),
    contact: t.Nullable(text),
    billingAddress: t.Array(text),
    taxId: t.Nullable(text),
  },
  { description: 'Who the owner is, as far as somebody has said; nobody, once it is erased.' },
)

export const Account = typedSchema<AccountView>(
  t.Object({
    accountId: text,
    owner: t.Object({ kind: text, id: text }),
    profile: Profile,
    version: count,
    plan: text,
    plannedPlan: t.Nullable(
      t.Object({ plan: text, from: text }, { description: 'The plan that was decided to follow.' }),
    ),
    frozen: t.Boolean(),
    erased: t.Boolean(),
    openedAt: text,
    ownLimits: t.Object({ rateLimit: t.Nullable(count), maxInFlight: t.Nullable(count) }),
    rateLimit: count,
    windowMs: count,
    rateLimits: t.Array(
      t.Object({
        counts: t.Union([t.Literal('calls'), t.Literal('tokens')]),
        ...{ limit: count, windowMs: count },
      }),
      { description: 'All of which hold. `rateLimit` and `windowMs` are the first of them.' },
    ),
    maxInFlight: count,
    budgets: t.Array(t.Object(budgetFields)),
    monthlyCredits: count,
    endpoints: t.Union([t.Literal('all'), t.Array(text)]),
    fee: t.Nullable(t.Object({ minorUnits: count, currency: text })),
  }),
)

export const BalanceSchema = typedSchema<Balance>(
  t.Object({
    available: integer({ description: 'What a call could hold now.' }),
    held: count,
    debt: count,
    lots: t.Array(
      t.Object({
        lot: text,
        kind: text,
        granted: count,
        settled: count,
        held: count,
        refunded: count,
        adjusted: count,
        lapsed: count,
        available: count,
        rolloverMax: t.Nullable(
          integer({ description: 'How much of allowances is kept after their months.' }),
        ),
        startsAt: text,
        expiresAt: t.Nullable(text),
      }),
    ),
    allowance: t.Object({
      month: text,
      granted: count,
      due: integer({ description: 'Given by the plan this month, granted by the next call.' }),
    }),
    overageDue: integer({
      description: 'Beyond all lots, billed as it is used: granted by the next call.',
    }),
    month: t.Object({ settled: sum(), refunded: sum(), calls: sum() }),
    budgets: t.Array(
      t.Object({
        name: t.String({ description: 'As events name it.' }),
        ...budgetFields,
        used: sum('Charged in the span, less refunds, and held.'),
        left: count,
        startsAt: text,
        endsAt: text,
      }),
    ),
  }),
)
