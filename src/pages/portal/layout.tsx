/** The frame of all pages: who is signed in, where one can go, and the page of the address. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { CreditScale } from '../../lib/credit-scale.ts'
import { ApiError, openApi, type Session } from '../shared/api.ts'
import { Failure, Stored } from '../shared/parts.tsx'
import { asApiError } from '../shared/use-data.ts'
import { CallsPage } from './calls.tsx'
import { PortalContext } from './context.ts'
import { HomePage } from './home.tsx'
import { KeyPage } from './key.tsx'
import { KeysPage } from './keys.tsx'
import { Link } from './link.tsx'
import { PricesPage } from './prices.tsx'
import { ReceiptPage } from './receipt.tsx'
import { SignInPage } from './sign-in.tsx'
import { StatementsPage } from './statements.tsx'
import type { Prices } from './types.ts'
import { UsagePage } from './usage.tsx'

const pages = [
  { path: '', name: 'Home', page: HomePage },
  { path: 'keys', name: 'Keys', page: KeysPage, part: KeyPage },
  { path: 'usage', name: 'Usage', page: UsagePage },
  { path: 'calls', name: 'Calls', page: CallsPage, part: ReceiptPage },
  { path: 'statements', name: 'Statements', page: StatementsPage },
  { path: 'prices', name: 'Prices', page: PricesPage },
] as const

type State =
  | { readonly is: 'loading' }
  | { readonly is: 'signed-out' }
  | { readonly is: 'failed'; readonly error: ApiError }
  | { readonly is: 'signed-in'; readonly session: Session; readonly scale: CreditScale | undefined }

export function Portal() {
  const [state, setState] = useState<State>({ is: 'loading' })
  const [path, setPath] = useState(location.pathname)
  const load = () => readState().then(setState)
  useEffect(() => {
    const follow = () => setPath(location.pathname)
    addEventListener('popstate', follow)
    void load()
    return () => removeEventListener('popstate', follow)
  }, [])
  const go = (to: string) => {
    history.pushState(null, '', to)
    setPath(to)
    scrollTo(0, 0)
  }
  if (state.is === 'loading') return <main class="alone">Loading…</main>
  if (state.is === 'signed-out') return <SignInPage onSignedIn={load} />
  if (state.is === 'failed') {
    return (
      <main class="alone">
        <Failure error={state.error} retry={load} />
      </main>
    )
  }
  return <SignedIn session={state.session} scale={state.scale} path={path} go={go} />
}

async function readState(): Promise<State> {
  try {
    const { session } = await openApi().get<{ session: Session }>('/portal/session')
    const { current } = await openApi(session).get<Prices>('/account/prices')
    return { is: 'signed-in', session, scale: current?.credits ?? undefined }
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return { is: 'signed-out' }
    return { is: 'failed', error: asApiError(error) }
  }
}

function SignedIn(props: {
  session: Session
  scale: CreditScale | undefined
  path: string
  go(path: string): void
}) {
  const { session, scale, path, go } = props
  const portal = useMemo(() => ({ session, scale, go, api: openApi(session) }), [session, scale])
  const [, , first = '', second] = path.split('/')
  const place = pages.find((page) => page.path === first)
  const main = useRef<HTMLElement>(null)
  const isFirst = useRef(true)
  useEffect(() => {
    document.title = `${place?.name ?? 'Not found'} – Portal`
    // Whoever reads with a screen reader hears that the page is another one.
    if (!isFirst.current) main.current?.focus()
    isFirst.current = false
  }, [path])
  const signOut = async () => {
    await portal.api.send('DELETE', '/portal/session').catch(() => {})
    location.assign('/portal')
  }
  return (
    <PortalContext.Provider value={portal}>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header>
        <nav aria-label="Pages">
          {pages.map(({ path, name }) => (
            <Link key={path} to={path ? `/portal/${path}` : '/portal'} isCurrent={path === first}>
              {name}
            </Link>
          ))}
        </nav>
        <div class="who">
          <span>
            <Stored text={session.organisation ?? session.subject} />
          </span>
          <button type="button" class="quiet" onClick={signOut}>
            Sign out
          </button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {pageAt(place, second)}
      </main>
    </PortalContext.Provider>
  )
}

/** As it stands, where it is none that can be decoded. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function pageAt(place: (typeof pages)[number] | undefined, part: string | undefined) {
  if (part !== undefined && place && 'part' in place) {
    const Part = place.part
    return <Part key={part} id={decoded(part)} />
  }
  if (!place || part !== undefined) {
    return (
      <>
        <h1>There is no such page</h1>
        <p>
          <Link to="/portal">Go to the first page</Link>
        </p>
      </>
    )
  }
  const Page = place.page
  return <Page />
}
