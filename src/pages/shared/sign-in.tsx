/** What whoever is not signed in sees: a way to the identity provider, or, with a link that `tollbook up` printed, a button that uses it. */
import { useState } from 'preact/hooks'
import { ApiError, openApi } from './api.ts'
import { Failure } from './parts.tsx'
import { readSeller, SellerName } from './seller.tsx'
import type { Site } from './site.tsx'
import { asApiError } from './use-data.ts'

/** The link's token is behind `#`, which browsers send to nobody. */
function tokenInAddress(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('link')
}

const failures: Readonly<Record<string, string>> = {
  unavailable: 'The identity provider cannot be reached just now. Try again in a while.',
  refused: 'The identity provider did not sign you in, or it took longer than ten minutes.',
  'not-operator': 'The identity provider does not name you as an operator.',
}

/** Why a sign-in at the provider ended here; what else the address says is nobody's words. */
function failureInAddress(): ApiError | undefined {
  const word = new URLSearchParams(location.hash.slice(1)).get('failed') ?? ''
  return Object.hasOwn(failures, word) ? new ApiError(0, failures[word] ?? '') : undefined
}

/** Whether people sign in at an identity provider, and not by a link. */
export function isAtProvider(): boolean {
  return (
    document.querySelector('meta[name=tollbook-sign-in]')?.getAttribute('content') === 'provider'
  )
}

export function SignInPage({ site, onSignedIn }: { site: Site; onSignedIn(): void }) {
  const { name, root } = site
  const seller = site.namesSeller ? readSeller() : null
  const [token, setToken] = useState(tokenInAddress)
  const [error, setError] = useState(failureInAddress)
  // A button, so that whatever looks at links by itself does not use this one up.
  const signIn = async () => {
    try {
      await openApi().send('POST', `${root}/session`, { link: token })
      history.replaceState(null, '', location.pathname)
      onSignedIn()
    } catch (reason) {
      const failure = asApiError(reason)
      setError(failure)
      // What was refused is refused again; what only failed can be tried again.
      if (failure.status === 401) {
        setToken(null)
        history.replaceState(null, '', location.pathname)
      }
    }
  }
  return (
    <main class="alone">
      {seller && <SellerName seller={seller} />}
      <h1>{name}</h1>
      {error && <Failure error={error} />}
      {token !== null ? (
        <>
          <p>This link signs this browser in, once.</p>
          <button type="button" class="main" onClick={signIn}>
            Sign in
          </button>
        </>
      ) : isAtProvider() ? (
        <>
          <p>You are not signed in.</p>
          <p>
            <a class="button" href={`${root}/sign-in?to=${encodeURIComponent(location.pathname)}`}>
              Sign in
            </a>
          </p>
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
