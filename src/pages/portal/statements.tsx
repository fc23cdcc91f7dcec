/** The months that have statements: each to be read, printed, or taken into a spreadsheet. */

import { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { count, monthText } from '../shared/format.ts'
import { Empty, Loaded, Panel, Table } from '../shared/parts.tsx'
import type { StatementMonth } from '../shared/types.ts'
import { useData } from '../shared/use-data.ts'
import { OwnProfile } from './own-profile.tsx'

export function StatementsPage() {
  const { api, credits } = usePage()
  const months = useData(
    () =>
      api.get<{ statements: StatementMonth[] }>('/account/statements').then(
        ({ statements }) => statements,
        (error) => {
          if (error instanceof ApiError && error.status === 404) return []
          throw error
        },
      ),
    [api],
  )
  return (
    <>
      <h1>Statements</h1>
      <Panel title="By month (UTC)">
        <Loaded data={months} height="low">
          {(rows) =>
            rows.length === 0 ? (
              <Empty>Statements begin with your first key.</Empty>
            ) : (
              <Table
                caption="Statements"
                rows={rows}
                keyOf={({ month }) => month}
                columns={[
                  { head: 'Month', cell: ({ month }) => monthText(month) },
                  { head: 'Calls', isFigure: true, cell: ({ calls }) => count(calls, 'call') },
                  { head: 'Charged', isFigure: true, cell: ({ charged }) => credits(charged) },
                  { head: 'Refunded', isFigure: true, cell: ({ refunded }) => credits(refunded) },
                  { head: 'Granted', isFigure: true, cell: ({ granted }) => credits(granted) },
                  { head: 'Statement', cell: ({ month }) => <Formats month={month} /> },
                ]}
              />
            )
          }
        </Loaded>
        <p class="note">The page of a statement is made for printing, too.</p>
      </Panel>
      <OwnProfile />
    </>
  )
}

function Formats({ month }: { month: string }) {
  const path = `/account/statements/${month}?format`
  const of = ` of ${monthText(month)}`
  return (
    <span class="links">
      <a href={`${path}=html`} target="_blank" rel="noopener">
        View<span class="unseen">{of}, in a new tab</span>
      </a>
      <a href={`${path}=csv`} download>
        CSV<span class="unseen">{of}</span>
      </a>
    </span>
  )
}
