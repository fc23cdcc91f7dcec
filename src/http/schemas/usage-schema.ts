/** What keys and accounts used, as responses show it. */
import { t } from 'elysia'
import type { DailyUsage } from '../../reports/usage/usage-by-day.ts'
import type { UsageSummary } from '../../reports/usage/usage-summary.ts'
import { integer, sum, typedSchema } from './fields.ts'

export const figuresFields = {
  requests: sum('Calls that passed the gate.'),
  errors: sum('Those of them that failed, uncharged.'),
  credits: sum(),
  avgLatencyMs: t.Nullable(integer()),
}

const lineFields = {
  endpoint: t.String(),
  ...figuresFields,
  quantity: sum('What the endpoint counts.'),
}

export const UsageLineSchema = t.Object(lineFields)

export const UsageResponse = t.Object({
  usage: typedSchema<readonly DailyUsage[]>(t.Array(t.Object({ date: t.String(), ...lineFields }))),
})

export const UsageSummaryResponse = t.Object({
  summary: typedSchema<UsageSummary>(
    t.Object({
      ...figuresFields,
      errorRate: t.Number(),
      lastUsedAt: t.Nullable(t.String()),
      byEndpoint: t.Array(UsageLineSchema),
      refusals: t.Array(
        t.Object({
          endpoint: t.String(),
          reason: t.String({ description: 'The code that the refusals had.' }),
          calls: sum(),
          lastAt: t.String(),
        }),
        { description: 'Calls that were refused before anything was held for them.' },
      ),
    }),
  ),
})
