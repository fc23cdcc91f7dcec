/** One key: what it may do, its history, a new secret for it, and its end. */
import { useState } from 'preact/hooks'
import type { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { dayText, timeText } from '../shared/format.ts'
import { stateText } from '../shared/key-columns.ts'
import { Link } from '../shared/link.tsx'
import {
  Dialog,
  Facts,
  Failure,
  Loaded,
  Panel,
  Stored,
  SubmitOrCancel,
  Table,
} from '../shared/parts.tsx'
import { ShownKey } from '../shared/shown-key.tsx'
import type { Key, KeyEvent } from '../shared/types.ts'
import { asApiError, useData } from '../shared/use-data.ts'
import { useOnce } from '../shared/use-once.ts'

export function KeyPage({ id }: { id: string }) {
  const { api, session } = usePage()
  const path = `/api-keys/${encodeURIComponent(id)}`
  const key = useData(() => api.get<{ apiKey: Key }>(path), [api, path])
  const events = useData(
    () => api.get<{ events: KeyEvent[] }>(`${path}/events?calls=false&limit=100`),
    [api, path],
  )
  const [open, setOpen] = useState<'rotate' | 'revoke'>()
  const close = () => {
    setOpen(undefined)
    key.reload()
    events.reload()
  }
  return (
    <>
      <p>
        <Link to="/portal/keys">All keys</Link>
      </p>
      <Loaded data={key} height="low">
        {({ apiKey }) => (
          <>
            <h1>
              <Stored text={apiKey.name} />
            </h1>
            <Panel title="The key">
              <FactsOf apiKey={apiKey} />
              {apiKey.revokedAt === null && session.role !== 'reader' && (
                <div class="buttons">
                  <button type="button" onClick={() => setOpen('rotate')}>
                    Give it a new secret
                  </button>
                  <button type="button" class="danger" onClick={() => setOpen('revoke')}>
                    Revoke it
                  </button>
                </div>
              )}
            </Panel>
            {open === 'rotate' && <Rotate path={path} version={apiKey.version} onClose={close} />}
            {open === 'revoke' && (
              <Revoke path={path} name={apiKey.name} version={apiKey.version} onClose={close} />
            )}
          </>
        )}
      </Loaded>
      <Panel title="What happened to it">
        <Loaded data={events} height="low">
          {({ events }) => (
            <Table
              caption="What happened to the key"
              rows={events}
              keyOf={({ position }) => position}
              columns={[
                { head: 'When', cell: ({ recordedAt }) => timeText(recordedAt) },
                { head: 'What', cell: ({ summary }) => <Stored text={summary} /> },
                { head: 'Position', cell: ({ position }) => <code>{position}</code> },
              ]}
            />
          )}
        </Loaded>
      </Panel>
    </>
  )
}

/** The change is of the key as it was seen, and made once. */
function useHeaders(version: number): Readonly<Record<string, string>> {
  return { 'if-match': `"${version}"`, 'idempotency-key': useOnce() }
}

function FactsOf({ apiKey }: { apiKey: Key }) {
  const { credits } = usePage()
  const { id, keyPrefix, rateLimit, monthlyCredits, creditsUsed, createdAt, lastUsedAt } = apiKey
  const facts: [string, string][] = [
    ['State', stateText(apiKey)],
    ['Key', keyPrefix],
    ['Id', id],
    ['Calls at most', `${rateLimit.toLocaleString('en')} in the first span of the plan`],
    ['Credits a month', credits(monthlyCredits)],
    ['Charged this month', credits(creditsUsed)],
    ['Last used', lastUsedAt ? timeText(lastUsedAt) : 'never'],
    ['Created', dayText(createdAt)],
  ]
  return <Facts facts={facts} />
}

interface DialogProps {
  readonly path: string
  readonly version: number
  onClose(): void
}

function Rotate({ path, version, onClose }: DialogProps) {
  const { api } = usePage()
  const headers = useHeaders(version)
  const [hours, setHours] = useState('24')
  const [shown, setShown] = useState<string>()
  const [error, setError] = useState<ApiError>()
  const rotate = async (event: Event) => {
    event.preventDefault()
    try {
      const body = { graceSeconds: Number(hours) * 3_600 }
      const { key } = await api.send<{ key: string }>('POST', `${path}/regenerate`, body, headers)
      setShown(key)
    } catch (reason) {
      setError(asApiError(reason))
    }
  }
  return (
    <Dialog title="Give the key a new secret" onClose={onClose}>
      {shown !== undefined ? (
        <ShownKey text={shown} onClose={onClose} />
      ) : (
        <form onSubmit={rotate}>
          {error && <Failure error={error} />}
          <p>Its id, its limits and its history stay.</p>
          <label>
            The old secret works for
            <select value={hours} onChange={(event) => setHours(event.currentTarget.value)}>
              <option value="0">no longer</option>
              <option value="1">one more hour</option>
              <option value="24">one more day</option>
              <option value="168">one more week</option>
            </select>
          </label>
          <SubmitOrCancel verb="Make a new secret" onCancel={onClose} />
        </form>
      )}
    </Dialog>
  )
}

function Revoke(props: DialogProps & { name: string }) {
  const { api } = usePage()
  const headers = useHeaders(props.version)
  const [error, setError] = useState<ApiError>()
  const revoke = async () => {
    try {
      await api.send('DELETE', props.path, undefined, headers)
      props.onClose()
    } catch (reason) {
      setError(asApiError(reason))
    }
  }
  return (
    <Dialog title="Revoke the key" onClose={props.onClose}>
      {error && <Failure error={error} />}
      <p>
        <Stored text={props.name} /> buys nothing from then on, on any gateway, and cannot be made
        to work again. Its history stays.
      </p>
      <div class="buttons">
        <button type="button" class="danger" onClick={revoke}>
          Revoke it for good
        </button>
        <button type="button" onClick={props.onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  )
}
