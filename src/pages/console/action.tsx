/** What an operator does, in a dialog that asks why. It is sent once, however often its button is pressed or its response is lost. */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { Dialog, Failure, SubmitOrCancel } from '../shared/parts.tsx'
import { isAtProvider } from '../shared/sign-in.tsx'
import { asApiError } from '../shared/use-data.ts'
import { useOnce } from '../shared/use-once.ts'

interface ActionProps {
  readonly title: string
  /** What its button says. */
  readonly verb: string
  readonly isDangerous?: boolean
  /** What it does, and what it asks for besides the reason. */
  readonly children: ComponentChildren
  /** Sends it. @param key made when the dialog opened */
  readonly send: (reason: string, key: string) => Promise<unknown>
  readonly onClose: () => void
}

export function Action(props: ActionProps) {
  const key = useOnce()
  const [reason, setReason] = useState('')
  const [error, setError] = useState<ApiError>()
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: Event) => {
    event.preventDefault()
    if (isBusy) return
    setBusy(true)
    try {
      await props.send(reason, key)
      props.onClose()
    } catch (failure) {
      setError(asApiError(failure))
      setBusy(false)
    }
  }
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form onSubmit={submit}>
        {error && <Failure error={error} />}
        {error?.kind === 'sign_in_too_old' && <SignInAgain />}
        {props.children}
        <label>
          Reason, which stays with the event: operators read it, customers do not
          <textarea
            required
            rows={3}
            maxLength={1_000}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        <SubmitOrCancel
          verb={props.verb}
          isDangerous={props.isDangerous}
          isBusy={isBusy}
          onCancel={props.onClose}
        />
      </form>
    </Dialog>
  )
}

/** What is done in the console. */
type Act =
  | 'grant'
  | 'take'
  | 'plan'
  | 'describe'
  | 'note'
  | 'freeze'
  | 'unfreeze'
  | 'refund'
  | 'publish'
  | 'operatorKeys'

/** What support may do, as far as its bounds allow. */
const ofSupport: readonly Act[] = ['grant', 'note', 'freeze', 'refund']

/** Whether who is signed in may do something: auditors only read. @param credits that are moved */
export function useMay(): (act: Act, credits?: number) => boolean {
  const { role, bounds } = usePage().session
  return (act, credits = 0) => {
    if (role !== 'support') return role === 'admin'
    const most = act === 'refund' ? bounds?.maxRefund : bounds?.maxGrant
    return ofSupport.includes(act) && credits <= (most ?? 0)
  }
}

/** A way to a new sign-in; what the page keeps is there afterwards. */
function SignInAgain() {
  if (!isAtProvider()) return <p>A new start of tollbook up prints a link that signs in again.</p>
  const to = encodeURIComponent(location.pathname)
  return (
    <p>
      <a href={`/console/sign-in?to=${to}`}>Sign in again</a>
    </p>
  )
}
