/** What an operator changes of an account. Its plan and state are changed only as they were seen: another version is refused. */
import { useState } from 'preact/hooks'
import { usePage } from '../shared/context.ts'
import { Choice } from '../shared/parts.tsx'
import { draftOf, ProfileFields, profileOf } from '../shared/profile.tsx'
import type { Balance } from '../shared/types.ts'
import { useData } from '../shared/use-data.ts'
import { Action, useMay } from './action.tsx'
import type { AdminPrices, AuditedAccount } from './types.ts'

type Open = 'grant' | 'take' | 'plan' | 'describe' | 'freeze'

interface ActionsProps {
  readonly account: AuditedAccount
  readonly balance: Balance
  /** Of the account, in the API. */
  readonly path: string
  onDone(): void
}

export function AccountActions(props: ActionsProps) {
  const [open, setOpen] = useState<Open>()
  const may = useMay()
  const { frozen, erased } = props.account
  if (erased) return null
  const close = () => {
    setOpen(undefined)
    props.onDone()
  }
  const dialog = { ...props, onClose: close }
  return (
    <div class="actions">
      {may('grant') && (
        <button type="button" onClick={() => setOpen('grant')}>
          Grant credits
        </button>
      )}
      {may('take') && (
        <button type="button" onClick={() => setOpen('take')}>
          Take credits back
        </button>
      )}
      {may('plan') && (
        <button type="button" onClick={() => setOpen('plan')}>
          Change the plan
        </button>
      )}
      {may('describe') && (
        <button type="button" onClick={() => setOpen('describe')}>
          Say who it is
        </button>
      )}
      {may(frozen ? 'unfreeze' : 'freeze') && (
        <button type="button" class={frozen ? '' : 'danger'} onClick={() => setOpen('freeze')}>
          {frozen ? 'Unfreeze it' : 'Freeze it'}
        </button>
      )}
      {open === 'grant' && <Grant {...dialog} />}
      {open === 'take' && <TakeBack {...dialog} />}
      {open === 'plan' && <ChangePlan {...dialog} />}
      {open === 'describe' && <Describe {...dialog} />}
      {open === 'freeze' && <Freeze {...dialog} />}
    </div>
  )
}

type DialogProps = ActionsProps & { onClose(): void }

/** Changes the account as it was seen. */
function useChange({ account, path }: DialogProps) {
  const { api } = usePage()
  return (change: object) => (reason: string, key: string) =>
    api.send(
      'PATCH',
      path,
      { ...change, reason },
      { 'if-match': `"${account.version}"`, 'idempotency-key': key },
    )
}

/** Moves credits, once under the key. */
function useMove({ path }: DialogProps, what: 'grants' | 'adjustments') {
  const { api } = usePage()
  return (move: object) => (reason: string, key: string) =>
    api.send('POST', `${path}/${what}`, { ...move, reason }, { 'idempotency-key': key })
}

function Amount(props: { value: string; max?: number | undefined; onChange(value: string): void }) {
  return (
    <label>
      Credits
      <input
        required
        type="number"
        inputMode="numeric"
        min={1}
        max={props.max ?? 1_000_000_000_000}
        step={1}
        value={props.value}
        onInput={(event) => props.onChange(event.currentTarget.value)}
      />
    </label>
  )
}

function Grant(props: DialogProps) {
  const { bounds } = usePage().session
  const [amount, setAmount] = useState('')
  const [expires, setExpires] = useState('')
  const move = useMove(props, 'grants')
  const grant = {
    ...{ credits: Number(amount), kind: 'promotional' },
    ...(expires !== '' && { expiresAt: `${expires}T00:00:00Z` }),
  }
  return (
    <Action title="Grant credits" verb="Grant" send={move(grant)} onClose={props.onClose}>
      <p>A gift, as a lot of its own. A debt is repaid from it first.</p>
      <Amount value={amount} max={bounds?.maxGrant} onChange={setAmount} />
      <label>
        Expires (UTC; empty: never)
        <input
          type="date"
          value={expires}
          onInput={(event) => setExpires(event.currentTarget.value)}
        />
      </label>
    </Action>
  )
}

function TakeBack(props: DialogProps) {
  const { credits } = usePage()
  const [amount, setAmount] = useState('')
  const move = useMove(props, 'adjustments')
  return (
    <Action
      title="Take credits back"
      verb="Take back"
      isDangerous
      send={move({ credits: Number(amount) })}
      onClose={props.onClose}
    >
      <p>
        Left: {credits(props.balance.available)}. What cannot be taken becomes a debt, which the
        next credits repay.
      </p>
      <Amount value={amount} onChange={setAmount} />
    </Action>
  )
}

function ChangePlan(props: DialogProps) {
  const { api, credits } = usePage()
  const { account } = props
  const [plan, setPlan] = useState(account.plannedPlan?.plan ?? account.plan)
  const prices = useData(() => api.get<AdminPrices>('/admin/prices'), [api])
  const change = useChange(props)
  const plans = Object.entries(prices.value?.current?.plans ?? {})
  return (
    <Action
      title="Change the plan"
      verb="Change it"
      send={change({ plan })}
      onClose={props.onClose}
    >
      <p>A plan with more counts at once, one with less from the next month on.</p>
      <Choice
        label="Plan"
        value={plan}
        options={plans.map(([name, { credits: each }]) => [
          name,
          `${name}: ${credits(each)} a month`,
        ])}
        onChoose={setPlan}
      />
    </Action>
  )
}

function Describe(props: DialogProps) {
  const [draft, setDraft] = useState(draftOf(props.account.profile))
  const change = useChange(props)
  return (
    <Action
      title="Say who it is"
      verb="Save"
      send={change({ profile: profileOf(draft) })}
      onClose={props.onClose}
    >
      <p>
        Statements say it, and accounts are found by name and contact. It is erased with the
        account.
      </p>
      <ProfileFields draft={draft} onChange={setDraft} />
    </Action>
  )
}

function Freeze(props: DialogProps) {
  const { frozen } = props.account
  const change = useChange(props)
  return (
    <Action
      title={frozen ? 'Unfreeze the account' : 'Freeze the account'}
      verb={frozen ? 'Unfreeze' : 'Freeze'}
      isDangerous={!frozen}
      send={change({ frozen: !frozen })}
      onClose={props.onClose}
    >
      <p>
        {frozen
          ? 'Its keys buy again from then on.'
          : 'None of its keys buys anything from then on, on any gateway, until it is unfrozen.'}
      </p>
    </Action>
  )
}
