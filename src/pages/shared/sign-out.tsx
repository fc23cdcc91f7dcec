/** The ways to end a sign-in: of this browser, and, asked once more, of all browsers in which the user is signed in. */
import { useState } from 'preact/hooks'
import type { ApiError } from './api.ts'
import { usePage } from './context.ts'
import { Dialog, Failure, SubmitOrCancel } from './parts.tsx'
import { asApiError } from './use-data.ts'

/** @param root of the site */
export function SignOut({ root }: { root: string }) {
  const { api } = usePage()
  const [isAsking, setAsking] = useState(false)
  const signOut = async () => {
    await api.send('DELETE', `${root}/session`).catch(() => {})
    location.assign(root)
  }
  return (
    <>
      <button type="button" class="quiet" onClick={signOut}>
        Sign out
      </button>
      <button type="button" class="quiet" onClick={() => setAsking(true)}>
        Sign out everywhere
      </button>
      {isAsking && <SignOutEverywhere root={root} onClose={() => setAsking(false)} />}
    </>
  )
}

function SignOutEverywhere({ root, onClose }: { root: string; onClose(): void }) {
  const { api } = usePage()
  const [error, setError] = useState<ApiError>()
  const [isBusy, setBusy] = useState(false)
  const signOut = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    try {
      await api.send('DELETE', `${root}/session?everywhere=true`)
      location.assign(root)
    } catch (failure) {
      // Whoever believes that all sessions have ended must not be wrong.
      setError(asApiError(failure))
      setBusy(false)
    }
  }
  return (
    <Dialog title="Sign out everywhere" onClose={onClose}>
      <form onSubmit={signOut}>
        {error && <Failure error={error} />}
        <p>
          You are signed out in this browser and in every other one, wherever you signed in. API
          keys, and tokens of programs, stay as they are.
        </p>
        <SubmitOrCancel verb="Sign out everywhere" isDangerous isBusy={isBusy} onCancel={onClose} />
      </form>
    </Dialog>
  )
}
