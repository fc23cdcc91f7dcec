/** Any call, charged or refused, as a receipt, with its events; and its refund. */
import { useState } from 'preact/hooks'
import { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { Link } from '../shared/link.tsx'
import { Empty, Loaded, Panel, Stored } from '../shared/parts.tsx'
import { Steps } from '../shared/receipt.tsx'
import { useData } from '../shared/use-data.ts'
import { Action, useMay } from './action.tsx'
import { Events } from './events.tsx'
import type { AuditedCall, AuditedEvent } from './types.ts'

export function CallPage({ id }: { id: string }) {
  const { api, credits } = usePage()
  const found = useData(
    () =>
      api.get<AuditedCall>(`/admin/calls/${encodeURIComponent(id)}`).catch((error) => {
        if (error instanceof ApiError && error.status === 404) return null
        throw error
      }),
    [api, id],
  )
  return (
    <>
      <p>
        <Link to="/console/calls">Find another call</Link>
      </p>
      <h1>A call</h1>
      <Loaded data={found} height="high">
        {(report) =>
          report === null ? (
            <Panel title={`Request ${id}`}>
              <Empty>
                Nothing is known of a call of this id. Free calls have no receipt, and refused ones
                are kept for a day.
              </Empty>
            </Panel>
          ) : (
            <>
              <Panel title={`Request ${id}`} aside={<Refund {...report} onDone={found.reload} />}>
                <Steps
                  call={report.call}
                  about={<About {...report} />}
                  notes={notesOf(report.events, credits)}
                />
              </Panel>
              {report.events.length > 0 && (
                <Panel title="Its events in the log">
                  <Events events={report.events} caption="Events of the call" isOfCall />
                </Panel>
              )}
            </>
          )
        }
      </Loaded>
    </>
  )
}

function About({ call, price }: AuditedCall) {
  const { accountId, keyId, endpoint, mode } = call
  return (
    <>
      Route <code>{endpoint}</code>, account{' '}
      <Link to={`/console/accounts/${accountId}`}>
        <code>{accountId}</code>
      </Link>
      , key <code>{keyId}</code>
      {mode === 'test' && ', in test mode'}.{' '}
      {price && (
        <>
          Price{price.plan !== null && ` of the plan ${price.plan}`}: <Stored text={price.words} />.
        </>
      )}
    </>
  )
}

/** What each event drew on or gave back, by its position. */
function notesOf(
  events: readonly AuditedEvent[],
  credits: (sum: number) => string,
): Record<string, string> {
  const notes = events.flatMap(({ position, lots, held, moved }) => {
    const amounts = (moved ?? []).some((figure) => figure !== 0) ? moved : held
    const parts = (lots ?? []).flatMap((lot, i) => {
      const amount = Math.abs(amounts?.[i] ?? 0)
      return amount === 0 ? [] : [`${credits(amount)} of lot ${lot}`]
    })
    return parts.length === 0 ? [] : [[position, `${parts.join(', ')}.`] as const]
  })
  return Object.fromEntries(notes)
}

function Refund({ call, onDone }: AuditedCall & { onDone(): void }) {
  const { api, credits } = usePage()
  const may = useMay()
  const [isOpen, setOpen] = useState(false)
  const { requestId, status, credits: charged = 0, refunded = 0 } = call
  const left = charged - refunded
  if (!may('refund', left) || status !== 'settled' || left <= 0) return null
  const close = () => {
    setOpen(false)
    onDone()
  }
  // As much as was left when it was looked at: what somebody else has refunded since is not refunded again.
  const send = (reason: string, key: string) =>
    api.send(
      'POST',
      `/admin/charges/${encodeURIComponent(requestId)}/refund`,
      { credits: left, reason },
      { 'idempotency-key': key },
    )
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Refund it
      </button>
      {isOpen && (
        <Action title="Refund the call" verb="Refund" send={send} onClose={close}>
          <p>This gives {credits(left)} back, each to the lot that it came from.</p>
        </Action>
      )}
    </>
  )
}
