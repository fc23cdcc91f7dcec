/** What whoever is not signed in sees: with a link that `tollbook up` printed, a button that uses it. */
import { useState } from 'preact/hooks'
import { type ApiError, openApi } from '../shared/api.ts'
import { Failure } from '../shared/parts.tsx'
import { asApiError } from '../shared/use-data.ts'

/** The link's token is behind `#`, which browsers send to nobody. */
function tokenInAddress(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('link')
}

export function SignInPage(props: { onSignedIn(): void }) {
  const [token, setToken] = useState(tokenInAddress)
  const [error, setError] = useState<ApiError>()
  // A button, so that whatever looks at links by itself does not use this one up.
  const signIn = async () => {
    try {
      await openApi().send('POST', '/portal/session', { link: token })
      props.onSignedIn()
    } catch (reason) {
      setError(asApiError(reason))
      setToken(null)
    } finally {
      history.replaceState(null, '', location.pathname)
    }
  }
  return (
    <main class="alone">
      <h1>Portal</h1>
      {error && <Failure error={error} />}
      {token !== null ? (
        <>
          <p>This link signs this browser in, once.</p>
          <button type="button" class="main" onClick={signIn}>
            Sign in
          </button>
        </>
      ) : (
        <p>
          You are not signed in. On the machine where <code>tollbook up</code> runs, open the link
          that it printed when it started; a new start prints a new one.
        </p>
      )}
    </main>
  )
}
