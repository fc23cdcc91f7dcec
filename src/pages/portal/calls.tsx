/** What calls cost, the newest first, and a call by its request id. */
import { useState } from 'preact/hooks'
import type { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { timeText } from '../shared/format.ts'
import { Link } from '../shared/link.tsx'
import { Empty, Failure, Loaded, Panel, Table } from '../shared/parts.tsx'
import type { ListedCharge } from '../shared/types.ts'
import { asApiError, useData } from '../shared/use-data.ts'

interface Page {
  readonly charges: readonly ListedCharge[]
  readonly nextCursor: string | null
}

export function CallsPage() {
  const { api, credits, go } = usePage()
  const [id, setId] = useState('')
  const [older, setOlder] = useState<Page>()
  const [error, setError] = useState<ApiError>()
  const first = useData(() => api.get<Page>('/account/charges?limit=50'), [api])
  const find = (event: Event) => {
    event.preventDefault()
    if (id.trim() !== '') go(`/portal/calls/${encodeURIComponent(id.trim())}`)
  }
  const more = async (cursor: string) => {
    try {
      const page = await api.get<Page>(`/account/charges?limit=50&cursor=${cursor}`)
      setOlder({ ...page, charges: [...(older?.charges ?? []), ...page.charges] })
    } catch (reason) {
      setError(asApiError(reason))
    }
  }
  return (
    <>
      <h1>Calls</h1>
      <Panel title="Find a call">
        <form class="choices" onSubmit={find}>
          <label class="wide">
            Request id, which the response had as X-Request-Id
            <input value={id} onInput={(event) => setId(event.currentTarget.value)} />
          </label>
          <button type="submit">Show its receipt</button>
        </form>
      </Panel>
      <Panel title="Charged calls, the newest first">
        <Loaded data={first} height="high">
          {(page) => {
            const rows = [...page.charges, ...(older?.charges ?? [])]
            const next = older ? older.nextCursor : page.nextCursor
            if (rows.length === 0 && next === null) {
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
                {error && <Failure error={error} />}
                {next !== null && (
                  <button type="button" onClick={() => more(next)}>
                    Show older ones
                  </button>
                )}
              </>
            )
          }}
        </Loaded>
      </Panel>
    </>
  )
}
