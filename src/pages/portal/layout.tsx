import { useEffect, useState } from 'preact/hooks'
import { openApi, type Session } from './api.ts'

export function Portal() {
  const [session, setSession] = useState<Session | null>()
  useEffect(() => void openApi().then(setSession), [])
  if (session === undefined) return <p>Loading…</p>
  return session === null ? <SignIn onSession={setSession} /> : <Home session={session} />
}
function SignIn(props: { onSession(session: Session): void }) {
  void props
  return <p>Sign in</p>
}
function Home(props: { session: Session }) {
  return <p>{props.session.accountId}</p>
}
