/** What calls cost, the newest first, and a call by its request id. */
import { usePage } from '../shared/context.ts'
import { FindCall } from '../shared/find-call.tsx'
import { timeText } from '../shared/format.ts'
import { Link } from '../shared/link.tsx'
import { OlderButton } from '../shared/older-button.tsx'
import { Empty, Loaded, Panel, Table } from '../shared/parts.tsx'
import type { ListedCharge } from '../shared/types.ts'
import { usePages } from '../shared/use-pages.ts'

interface Page {
  readonly charges: readonly ListedCharge[]
  readonly nextCursor: string | null
}

export function CallsPage() {
  const { api, credits } = usePage()
  const { first, later, more, error } = usePages(
    (cursor) => api.get<Page>(`/account/charges?limit=50${cursor ? `&cursor=${cursor}` : ''}`),
    [api],
  )
  return (
    <>
      <h1>Calls</h1>
      <FindCall calls="/portal/calls" />
      <Panel title="Charged calls, the newest first">
        <Loaded data={first} height="high">
          {(page) => {
            const rows = [page, ...later].flatMap(({ charges }) => charges)
            if (rows.length === 0 && !more) {
              return <Empty>No call was charged yet.</Empty>
            }
            return (
              <>
                <Table
                  caption="Charged calls"
                  rows={rows}
                  keyOf={({ requestId }) => requestId}
                  columns={[
                    { head: 'When', cell: ({ settledAt }) => timeText(settledAt) },
                    { head: 'Route', cell: ({ endpoint }) => endpoint },
                    {
                      head: 'Request',
                      cell: ({ requestId }) => (
                        <Link to={`/portal/calls/${requestId}`}>
                          <code>{requestId}</code>
                        </Link>
                      ),
                    },
                    {
                      head: 'Charged',
                      isFigure: true,
                      cell: ({ credits: charged, refunded }) =>
                        `${credits(charged)}${refunded > 0 ? `, ${credits(refunded)} refunded` : ''}`,
                    },
                  ]}
                />
                <OlderButton more={more} error={error} />
              </>
            )
          }}
        </Loaded>
      </Panel>
    </>
  )
}
