/** The operators' route about prices and plans: what is in force, what is announced, and what that changes. */
import { Elysia, t } from 'elysia'
import type { Tariff } from '../../../config/tariff.ts'
import { type TariffChange, tariffChanges } from '../../../config/tariff-changes.ts'
import { type PublishedTariff, readCurrentTariffs } from '../../../ledger/read/read-tariffs.ts'
import { commonProblems } from '../../openapi/problem-schema.ts'
import { typedSchema } from '../../schemas/fields.ts'
import { PricesResponse } from '../customer/customer-schemas.ts'
import { pricesFrom } from '../customer/prices.ts'
import type { RouteDeps } from '../route-deps.ts'

const json = t.Unknown({ description: 'null: there is none.', examples: [5_000] })

const AdminPrices = t.Object({
  ...PricesResponse.properties,
  changes: t.Array(
    typedSchema<{ from: string; changes: readonly TariffChange[] }>(
      t.Object({
        from: t.String({ description: 'When an announced tariff comes into force.' }),
        changes: t.Array(
          t.Object({
            path: t.String({ examples: ['plans.pro.credits'] }),
            before: json,
            after: json,
          }),
        ),
      }),
    ),
    { description: 'What each announced tariff changes in the one before it.' },
  ),
})

/** One chain, however long: Elysia infers the types of clients from it. */
export function adminPricesRoutes({ sql, signIn, routes }: RouteDeps) {
  return new Elysia({ name: 'admin-prices', normalize: false }).use(signIn).get(
    '/admin/prices',
    async () => {
      const tariffs = await readCurrentTariffs(sql)
      return { ...pricesFrom(tariffs, routes), changes: changesFrom(tariffs) }
    },
    {
      signedIn: 'operator',
      response: { 200: AdminPrices, ...commonProblems },
      detail: {
        operationId: 'getPricesAndChanges',
        summary: 'Prices and plans in force, those announced, and what they change',
        description:
          'The tariff in force, every tariff that is announced, and field by field what each changes in the one before it.',
        tags: ['Operators: prices'],
      },
    },
  )
}

function changesFrom(tariffs: readonly PublishedTariff[]) {
  return tariffs.slice(1).map((tariff, i) => ({
    from: tariff.from.toISOString(),
    changes: tariffChanges(contentOf(tariffs[i] ?? tariff), contentOf(tariff)).map(
      ({ path, before = null, after = null }) => ({ path, before, after }),
    ),
  }))
}

/** The ledger has what was a tariff when it was published. */
function contentOf(published: PublishedTariff): Tariff {
  const { plans, prices, packs } = published as PublishedTariff & Pick<Tariff, 'plans' | 'prices'>
  return { plans, prices, ...(packs && { packs }) }
}
