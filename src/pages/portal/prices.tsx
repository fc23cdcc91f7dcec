/** What calls and plans cost now, and what they will cost. */
import { usePage } from '../shared/context.ts'
import { dayText } from '../shared/format.ts'
import { Empty, Loaded } from '../shared/parts.tsx'
import { TariffPanel } from '../shared/tariff.tsx'
import type { Prices } from '../shared/types.ts'
import { useData } from '../shared/use-data.ts'

export function PricesPage() {
  const { api } = usePage()
  const prices = useData(() => api.get<Prices>('/account/prices'), [api])
  return (
    <>
      <h1>Prices</h1>
      <Loaded data={prices} height="high">
        {({ current, announced, routes }) => (
          <>
            {current ? (
              <TariffPanel tariff={current} routes={routes} title="In force" />
            ) : (
              <Empty>No prices are published yet.</Empty>
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
