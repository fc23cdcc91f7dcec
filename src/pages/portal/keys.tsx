/** All keys of the account, and a new one. */
import { useState } from 'preact/hooks'
import type { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { stateColumns } from '../shared/key-columns.ts'
import { Link } from '../shared/link.tsx'
import {
  Dialog,
  Empty,
  Failure,
  Loaded,
  Panel,
  Stored,
  SubmitOrCancel,
  Table,
} from '../shared/parts.tsx'
import { ShownKey } from '../shared/shown-key.tsx'
import type { Key } from '../shared/types.ts'
import { asApiError, useData } from '../shared/use-data.ts'
import { useOnce } from '../shared/use-once.ts'

export function KeysPage() {
  const { api, credits, session } = usePage()
  const [isCreating, setCreating] = useState(false)
  const keys = useData(() => api.get<{ apiKeys: Key[] }>('/api-keys?limit=200'), [api])
  const close = () => {
    setCreating(false)
    keys.reload()
  }
  return (
    <>
      <h1>Keys</h1>
      <Panel
        title="API keys"
        aside={
          session.role !== 'reader' && (
            <button type="button" class="main" onClick={() => setCreating(true)}>
              Create a key
            </button>
          )
        }
      >
        <Loaded data={keys} height="low">
          {({ apiKeys }) =>
            apiKeys.length === 0 ? (
              <Empty>
                There are no keys yet. A program calls with a key, and pays with your credits.
              </Empty>
            ) : (
              <Table
                caption="API keys"
                rows={apiKeys}
                keyOf={({ id }) => id}
                columns={[
                  {
                    head: 'Name',
                    cell: ({ id, name }) => (
                      <Link to={`/portal/keys/${id}`}>
                        <Stored text={name} />
                      </Link>
                    ),
                  },
                  { head: 'Key', cell: ({ keyPrefix }) => <code>{keyPrefix}</code> },
                  ...stateColumns(credits),
                ]}
              />
            )
          }
        </Loaded>
      </Panel>
      {isCreating && <CreateKey onClose={close} />}
    </>
  )
}

function CreateKey({ onClose }: { onClose(): void }) {
  const { api } = usePage()
  const [name, setName] = useState('')
  const [mode, setMode] = useState('live')
  const [shown, setShown] = useState<string>()
  const [error, setError] = useState<ApiError>()
  const [isBusy, setBusy] = useState(false)
  const once = useOnce()
  const create = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    try {
      const { key } = await api.send<{ key: string }>(
        'POST',
        '/api-keys',
        { name, mode },
        { 'idempotency-key': once },
      )
      setShown(key)
      setError(undefined)
    } catch (reason) {
      setError(asApiError(reason))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog title="Create a key" onClose={onClose}>
      {shown !== undefined ? (
        <ShownKey text={shown} onClose={onClose} />
      ) : (
        <form onSubmit={create}>
          {error && <Failure error={error} />}
          <label>
            Name
            <input
              required
              maxLength={100}
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
          <label>
            Mode
            <select value={mode} onChange={(event) => setMode(event.currentTarget.value)}>
              <option value="live">live: calls cost credits</option>
              <option value="test">test: with credits of its own</option>
            </select>
          </label>
          <SubmitOrCancel verb="Create" isBusy={isBusy} onCancel={onClose} />
        </form>
      )}
    </Dialog>
  )
}
