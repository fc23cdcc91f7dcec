/** How the ledger and everyone's calls stand, as responses show it. */
import { t } from 'elysia'
import type { LedgerHealth } from '../../reports/health/ledger-health.ts'
import type { HourlySeries } from '../../reports/usage/hourly-series.ts'
import type { RefusedKey } from '../../reports/usage/refusals.ts'
import { integer, sum, typedSchema } from './fields.ts'

const text = t.String()
const quantile = (part: string) =>
  t.Array(t.Nullable(integer()), {
    description: `Milliseconds that ${part} of the calls took at most, by step; null: of none it is known.`,
  })

export const HourlyUsage = t.Object({
  usage: typedSchema<HourlySeries>(
    t.Object({
      steps: t.Array(text, { description: 'When each UTC day or hour begins.' }),
      series: t.Array(
        t.Object({
          outcome: t.String({ description: 'charged, free, failed, refused or imported.' }),
          reason: t.String({ description: 'Of a failure or a refusal; empty otherwise.' }),
          calls: t.Array(sum()),
        }),
      ),
      credits: t.Array(sum(), { description: 'What was charged, by step.' }),
      p50: quantile('half'),
      p99: quantile('99 of 100'),
    }),
  ),
})

export const Refusals = t.Object({
  refusals: t.Array(
    typedSchema<RefusedKey>(
      t.Object({
        accountId: text,
        keyId: text,
        reason: t.String({ description: 'The code that the refusals had.' }),
        calls: sum(),
        lastAt: text,
      }),
    ),
  ),
})

export const Health = t.Object({
  health: typedSchema<
    LedgerHealth & { projections: { projection: string; events: number; seconds: number }[] }
  >(
    t.Object({
      readAt: text,
      shards: t.Array(
        t.Object({
          shard: integer(),
          position: integer({ description: 'Of its last event.' }),
          recordedAt: text,
          divergence: t.Nullable(
            t.String({ description: 'How the log was found to be another one; null: it was not.' }),
          ),
        }),
      ),
      gateways: t.Array(
        t.Object({
          instance: text,
          shard: integer(),
          appendedAt: text,
          fencedAt: t.Nullable(
            t.String({ description: 'When it was found silent and was shut out.' }),
          ),
        }),
        { description: 'Those that appended within the last day.' },
      ),
      projections: t.Array(t.Object({ projection: text, events: integer(), seconds: t.Number() }), {
        description: 'How far each projection that follows the log is behind it.',
      }),
    }),
  ),
})
