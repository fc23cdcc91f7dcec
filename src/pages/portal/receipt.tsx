/** One of the account's calls, by its request id. */
import { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { Link } from '../shared/link.tsx'
import { Empty, Loaded, Panel } from '../shared/parts.tsx'
import { Steps } from '../shared/receipt.tsx'
import type { Receipt } from '../shared/types.ts'
import { useData } from '../shared/use-data.ts'

export function ReceiptPage({ id }: { id: string }) {
  const { api } = usePage()
  const call = useData(
    () =>
      api.get<{ call: Receipt }>(`/account/calls/${encodeURIComponent(id)}`).then(
        ({ call }) => call,
        (error) => {
          if (error instanceof ApiError && error.status === 404) return null
          throw error
        },
      ),
    [api, id],
  )
  return (
    <>
      <p>
        <Link to="/portal/calls">All calls</Link>
      </p>
      <h1>A call</h1>
      <Panel title={`Request ${id}`}>
        <Loaded data={call} height="low">
          {(found) =>
            found ? (
              <Steps
                call={found}
                about={
                  <>
                    Route <code>{found.endpoint}</code>, key{' '}
                    <Link to={`/portal/keys/${found.keyId}`}>
                      <code>{found.keyId}</code>
                    </Link>
                    .
                  </>
                }
              />
            ) : (
              <Empty>
                Nothing is known of a call of this id. Free calls have no receipt, and refused ones
                are kept for a day.
              </Empty>
            )
          }
        </Loaded>
      </Panel>
    </>
  )
}
