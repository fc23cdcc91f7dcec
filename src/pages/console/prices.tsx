/** Prices and plans in force and announced, what those that are announced change, and new ones. */
import { usePage } from '../shared/context.ts'
import { dayText, timeText } from '../shared/format.ts'
import { Empty, Loaded, Panel } from '../shared/parts.tsx'
import { TariffPanel } from '../shared/tariff.tsx'
import { useData } from '../shared/use-data.ts'
import { NewPrices } from './new-prices.tsx'
import { PriceChanges } from './price-changes.tsx'
import type { AdminPrices } from './types.ts'

export function PricesPage() {
  const { api } = usePage()
  const prices = useData(() => api.get<AdminPrices>('/admin/prices'), [api])
  return (
    <>
      <h1>Prices</h1>
      <Loaded data={prices} height="high">
        {({ current, announced, routes, changes }) => (
          <>
            {changes.map(({ from, changes }) => (
              <Panel key={from} title={`What changes at ${timeText(from)}`}>
                <PriceChanges changes={changes} caption={`What changes at ${timeText(from)}`} />
              </Panel>
            ))}
            <NewPrices onPublished={prices.reload} />
            {current ? (
              <TariffPanel
                tariff={current}
                routes={routes}
                title={`In force since ${dayText(current.from)}`}
              />
            ) : (
              <Empty curl="tollbook prices publish tollbook.yaml">
                No prices are published yet.
              </Empty>
            )}
            {announced.map((tariff) => (
              <TariffPanel
                key={tariff.from}
                tariff={tariff}
                routes={routes}
                before={current}
                title={`From ${dayText(tariff.from)} on`}
              />
            ))}
          </>
        )}
      </Loaded>
    </>
  )
}
