/** Charts, receipts and lists of an account, as responses show them. */
import { t } from 'elysia'
import type { BalanceHistory } from '../../reports/account/balance-history.ts'
import type { RefusedReceipt } from '../../reports/charge/call-receipt.ts'
import type { CallReport } from '../../reports/charge/call-report.ts'
import type { Charge } from '../../reports/charge/charge-shape.ts'
import type { StatementMonth } from '../../reports/statement/statement-months.ts'
import type { UsageSeries } from '../../reports/usage/usage-series.ts'
import { ChargeResponse } from '../routes/customer/customer-schemas.ts'
import { EventSchema, type EventView } from './event-schema.ts'
import { integer, sum, typedSchema } from './fields.ts'

const text = t.String()
const sums = (description: string) => t.Array(sum(), { description })

const UsageSeriesSchema = typedSchema<UsageSeries>(
  t.Object({
    steps: t.Array(text, { description: 'When each UTC day or hour begins.' }),
    series: t.Array(
      t.Object({
        name: t.Nullable(
          t.String({ description: 'What it is of; null: all that have no series of their own.' }),
        ),
        calls: sums('Calls that passed the gate, by step.'),
        failed: sums('Those of them that failed, uncharged.'),
        refused: sums('Calls that were refused before that.'),
        credits: sums('What was charged.'),
      }),
    ),
    total: t.Object({ calls: sum(), failed: sum(), refused: sum(), credits: sum() }),
  }),
)

const days = t.Array(text, { description: 'UTC days.' })
const kinds = t.Array(
  t.Object({
    kind: text,
    credits: t.Array(t.Number(), { description: 'At the end of each day.' }),
  }),
)

const BalanceHistorySchema = typedSchema<BalanceHistory>(
  t.Object({
    days,
    kinds,
    chargedPerDay: t.Nullable(
      t.Number({ description: 'The mean of the last seven days; null before three.' }),
    ),
    forecast: t.Nullable(
      t.Object(
        {
          days,
          kinds,
          lastsUntil: t.Nullable(
            t.String({ description: 'When nothing is left; null: not within these days.' }),
          ),
          lapses: t.Array(t.Object({ at: text, kind: text, credits: integer() })),
        },
        { description: 'At that mean, with the allowance that the plan gives next month.' },
      ),
    ),
  }),
)

export const UsageSeriesResponse = t.Object({ usage: UsageSeriesSchema })
export const BalanceHistoryResponse = t.Object({ history: BalanceHistorySchema })

export const StatementMonths = t.Object({
  statements: t.Array(
    typedSchema<StatementMonth>(
      t.Object({ month: text, granted: sum(), charged: sum(), refunded: sum(), calls: sum() }),
    ),
  ),
})

const RefusedSchema = typedSchema<RefusedReceipt>(
  t.Object({
    requestId: text,
    status: t.Literal('refused'),
    accountId: text,
    keyId: text,
    endpoint: text,
    reason: t.String({ description: 'The code that its client read.' }),
    figures: t.Record(text, t.Union([t.Number(), text])),
    refusedAt: text,
  }),
)

export const Receipt = t.Object({
  call: typedSchema<Charge | RefusedReceipt>(t.Union([ChargeResponse, RefusedSchema])),
})

/** The same with all that operators see of it. */
export const AuditedCall = t.Object({
  ...Receipt.properties,
  price: typedSchema<CallReport['price']>(
    t.Nullable(
      t.Object({
        words: t.String({ description: 'What the price says, in a few words.' }),
        plan: t.Nullable(
          t.String({ description: 'The plan whose own price it is; null: everyone’s.' }),
        ),
      }),
      { description: 'The price by which it was sold; null: nothing was held.' },
    ),
  ),
  events: t.Array(typedSchema<EventView>(EventSchema)),
})
