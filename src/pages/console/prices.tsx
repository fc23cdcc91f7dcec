/** Prices and plans in force and announced, and what those that are announced change. */
import { usePage } from '../shared/context.ts'
import { dayText, timeText } from '../shared/format.ts'
import { Empty, Loaded, Panel, Stored, Table } from '../shared/parts.tsx'
import { TariffPanel } from '../shared/tariff.tsx'
import { useData } from '../shared/use-data.ts'
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
            {changes.map((next) => (
              <Changes key={next.from} {...next} />
            ))}
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

function Changes({ from, changes }: AdminPrices['changes'][number]) {
  return (
    <Panel title={`What changes at ${timeText(from)}`}>
      {changes.length === 0 ? (
        <Empty>Nothing: it says the same as the one before.</Empty>
      ) : (
        <Table
          caption={`What changes at ${timeText(from)}`}
          rows={changes}
          keyOf={({ path }) => path}
          columns={[
            { head: 'What', cell: ({ path }) => <code>{path}</code> },
            { head: 'Before', cell: ({ before }) => <Stored text={shown(before)} /> },
            { head: 'After', cell: ({ after }) => <Stored text={shown(after)} /> },
          ]}
        />
      )}
    </Panel>
  )
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
