/** Who the owner is, as statements say it, and a dialog in which he says it. */
import { useState } from 'preact/hooks'
import { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { Dialog, Empty, Facts, Failure, Loaded, Panel, SubmitOrCancel } from '../shared/parts.tsx'
import { draftOf, ProfileFields, profileFacts, profileOf } from '../shared/profile.tsx'
import type { Account } from '../shared/types.ts'
import { asApiError, useData } from '../shared/use-data.ts'
import { useOnce } from '../shared/use-once.ts'

export function OwnProfile() {
  const { api, session } = usePage()
  const [isChanging, setChanging] = useState(false)
  const account = useData(
    () =>
      api.get<{ account: Account }>('/account').then(
        ({ account }) => account,
        (error) => {
          if (error instanceof ApiError && error.status === 404) return null
          throw error
        },
      ),
    [api],
  )
  if (account.value === null) return null
  const close = () => {
    setChanging(false)
    account.reload()
  }
  return (
    <Panel
      title="Who you are, as statements say it"
      aside={
        session.role !== 'reader' && (
          <button type="button" onClick={() => setChanging(true)} disabled={!account.value}>
            Change it
          </button>
        )
      }
    >
      <Loaded data={account} height="low">
        {(found) => {
          const facts = found ? profileFacts(found.profile) : []
          return facts.length === 0 ? (
            <Empty>Nothing is said yet: statements name your account by its id.</Empty>
          ) : (
            <Facts facts={facts} />
          )
        }}
      </Loaded>
      {isChanging && account.value && <ChangeProfile account={account.value} onClose={close} />}
    </Panel>
  )
}

function ChangeProfile({ account, onClose }: { account: Account; onClose(): void }) {
  const { api } = usePage()
  const [draft, setDraft] = useState(draftOf(account.profile))
  const [error, setError] = useState<ApiError>()
  const [isBusy, setBusy] = useState(false)
  const once = useOnce()
  const save = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    try {
      await api.send(
        'PATCH',
        '/account',
        { profile: profileOf(draft) },
        { 'if-match': `"${account.version}"`, 'idempotency-key': once },
      )
      onClose()
    } catch (reason) {
      setError(asApiError(reason))
      setBusy(false)
    }
  }
  return (
    <Dialog title="Who you are" onClose={onClose}>
      <form onSubmit={save}>
        {error && <Failure error={error} />}
        <ProfileFields draft={draft} onChange={setDraft} />
        <SubmitOrCancel verb="Save" isBusy={isBusy} onCancel={onClose} />
      </form>
    </Dialog>
  )
}
