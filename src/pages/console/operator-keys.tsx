/** Operator keys, with which programs come as operators: all of them, a new one, and the end of one. */
import { useRef, useState } from 'preact/hooks'
import { usePage } from '../shared/context.ts'
import { dayText, timeText } from '../shared/format.ts'
import { Choice, Dialog, Empty, Loaded, Panel, Stored, Table } from '../shared/parts.tsx'
import { ShownKey } from '../shared/shown-key.tsx'
import { useData } from '../shared/use-data.ts'
import { Action, useMay } from './action.tsx'
import type { OperatorKey } from './types.ts'

const path = '/admin/operator-keys'

export function OperatorKeysPage() {
  const { api } = usePage()
  const may = useMay()
  const [isCreating, setCreating] = useState(false)
  const [shown, setShown] = useState<string>()
  const [revoked, setRevoked] = useState<OperatorKey>()
  const keys = useData(() => api.get<{ operatorKeys: readonly OperatorKey[] }>(path), [api])
  const close = () => {
    setCreating(false)
    setShown(undefined)
    setRevoked(undefined)
    keys.reload()
  }
  return (
    <>
      <h1>Operator keys</h1>
      <Panel
        title="Keys of programs"
        aside={
          may('operatorKeys') && (
            <button type="button" class="main" onClick={() => setCreating(true)}>
              Create an operator key
            </button>
          )
        }
      >
        <Loaded data={keys} height="low">
          {({ operatorKeys }) =>
            operatorKeys.length === 0 ? (
              <Empty curl='tollbook operator-keys create --name "Billing export" --role auditor --expires 90d'>
                There are none. With one, a program asks what an operator of its role may ask.
              </Empty>
            ) : (
              <Table
                caption="Operator keys"
                rows={operatorKeys}
                keyOf={({ id }) => id}
                columns={[
                  { head: 'Name', cell: ({ name }) => <Stored text={name} /> },
                  { head: 'Key', cell: ({ display }) => <code>{display}</code> },
                  { head: 'Role', cell: ({ role }) => role },
                  { head: 'State', cell: stateText },
                  { head: 'Id, as events name it', cell: ({ id }) => <code>{id}</code> },
                  ...(may('operatorKeys')
                    ? [{ head: 'Change', cell: revokeButton(setRevoked) }]
                    : []),
                ]}
              />
            )
          }
        </Loaded>
      </Panel>
      {isCreating && shown === undefined && <CreateKey onShown={setShown} onClose={close} />}
      {shown !== undefined && (
        <Dialog title="The operator key" onClose={close}>
          <ShownKey text={shown} onClose={close} />
        </Dialog>
      )}
      {revoked && <RevokeKey operatorKey={revoked} onClose={close} />}
    </>
  )
}

function stateText({ state, expiresAt, revokedAt, previousUntil }: OperatorKey): string {
  if (state === 'revoked') return `revoked on ${dayText(revokedAt ?? '')}`
  if (state === 'expired') return `expired on ${dayText(expiresAt)}`
  const until = `works until ${timeText(expiresAt)}`
  return previousUntil ? `${until}; its old secret until ${timeText(previousUntil)}` : until
}

function revokeButton(onRevoke: (key: OperatorKey) => void) {
  return (key: OperatorKey) =>
    key.state === 'active' && (
      <button type="button" class="danger" onClick={() => onRevoke(key)}>
        Revoke <Stored text={key.name} />
      </button>
    )
}

function CreateKey(props: { onShown(text: string): void; onClose(): void }) {
  const { api } = usePage()
  const [name, setName] = useState('')
  const [role, setRole] = useState('auditor')
  const [expires, setExpires] = useState('')
  const isMade = useRef(false)
  const send = async (reason: string, once: string) => {
    const body = { name, role, expiresAt: `${expires}T00:00:00Z`, reason }
    const made = await api.send<{ key: string }>('POST', path, body, { 'idempotency-key': once })
    isMade.current = true
    props.onShown(made.key)
  }
  return (
    <Action
      title="Create an operator key"
      verb="Create"
      send={send}
      // Once it is made, its text is shown instead of this dialog.
      onClose={() => isMade.current || props.onClose()}
    >
      <p>
        A program that has it asks what an operator of its role may ask. Name and reason stand in
        the log as they are.
      </p>
      <label>
        Name
        <input
          required
          maxLength={100}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <Choice
        label="Role"
        value={role}
        options={[
          ['auditor', 'auditor: reads'],
          ['support', 'support: reads, and changes a little'],
          ['admin', 'admin: reads and changes'],
        ]}
        onChoose={setRole}
      />
      <label>
        Expires (UTC, at most 366 days ahead)
        <input
          required
          type="date"
          value={expires}
          onInput={(event) => setExpires(event.currentTarget.value)}
        />
      </label>
    </Action>
  )
}

function RevokeKey({ operatorKey, onClose }: { operatorKey: OperatorKey; onClose(): void }) {
  const { api } = usePage()
  const { id, name, version } = operatorKey
  const send = (reason: string, key: string) =>
    api.send(
      'DELETE',
      `${path}/${id}`,
      { reason },
      { 'if-match': `"${version}"`, 'idempotency-key': key },
    )
  return (
    <Action
      title="Revoke the operator key"
      verb="Revoke it"
      isDangerous
      send={send}
      onClose={onClose}
    >
      <p>
        <Stored text={name} /> is refused from its next request on, for good.
      </p>
    </Action>
  )
}
