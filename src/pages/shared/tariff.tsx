/** What calls and plans cost by one tariff. */
import { formatMoney } from '../../lib/format-figures.ts'
import { limitsOfPlan, limitsText } from '../../lib/rate-limits.ts'
import { usePage } from './context.ts'
import { Panel, Stored, Table } from './parts.tsx'
import type { Prices, Tariff } from './types.ts'

export function TariffPanel(props: {
  tariff: Tariff
  routes: Prices['routes']
  title: string
  /** What is in force before that, from which a price may differ. */
  before?: Tariff | undefined
}) {
  const { tariff, routes, title, before } = props
  const { words, plans, notice } = tariff
  const isChanged = (route: string) => before !== undefined && before.words[route] !== words[route]
  return (
    <Panel title={title}>
      {notice && (
        <p>
          <Stored text={notice} />
        </p>
      )}
      <Table
        caption={`Prices, ${title}`}
        rows={Object.keys(words)}
        keyOf={(route) => route}
        columns={[
          { head: 'Route', cell: (route) => route },
          {
            head: 'Call',
            cell: (route) => {
              const at = routes[route]
              return at && <code>{`${at.methods.join(', ')} ${at.path}`}</code>
            },
          },
          {
            head: 'Price',
            cell: (route) => (
              <>
                {isChanged(route) && <strong>changed: </strong>}
                {words[route]}
              </>
            ),
          },
        ]}
      />
      <h3>Plans</h3>
      <Plans plans={plans} title={title} />
    </Panel>
  )
}

function Plans({ plans, title }: { plans: Tariff['plans']; title: string }) {
  const { credits } = usePage()
  return (
    <Table
      caption={`Plans, ${title}`}
      rows={Object.entries(plans)}
      keyOf={([name]) => name}
      columns={[
        { head: 'Plan', cell: ([name]) => name },
        { head: 'Fee a month', isFigure: true, cell: ([, { fee }]) => formatMoney(fee) },
        { head: 'Allowance a month', isFigure: true, cell: ([, plan]) => credits(plan.credits) },
        {
          head: 'At most',
          isFigure: true,
          cell: ([, plan]) => limitsText(limitsOfPlan(plan)),
        },
      ]}
    />
  )
}
