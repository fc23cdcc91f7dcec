/** The portal or the console: the frame of all its pages, who is signed in, where one can go, and the page of the address. */
import { type ComponentType, render } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { CreditScale } from '../../lib/credit-scale.ts'
import { ApiError, openApi, type Session } from './api.ts'
import { PageContext } from './context.ts'
import { Link } from './link.tsx'
import { Failure, Stored } from './parts.tsx'
import { readSeller, SellerName } from './seller.tsx'
import { SignInPage } from './sign-in.tsx'
import { SignOut } from './sign-out.tsx'
import { asApiError } from './use-data.ts'

interface Place {
  /** Behind the root; empty: the first page. */
  readonly path: string
  readonly name: string
  readonly page: ComponentType
  /** The page of one thing, whose id stands behind the path. */
  readonly part?: ComponentType<{ id: string }>
}

export interface Site {
  readonly name: string
  /** Where all its addresses begin: `/portal`. */
  readonly root: string
  readonly places: readonly Place[]
  /** Where the API says how credits are shown. */
  readonly prices: string
  /** Whether its pages say who sells: customers ask. */
  readonly namesSeller?: boolean
}

/** Shows the site in the document's one element that is made for it. */
export function show(site: Site): void {
  const root = document.getElementById('page')
  if (root) render(<SiteOf site={site} />, root)
}

type State =
  | { readonly is: 'loading' }
  | { readonly is: 'signed-out' }
  | { readonly is: 'failed'; readonly error: ApiError }
  | { readonly is: 'signed-in'; readonly session: Session; readonly scale: CreditScale | undefined }

function SiteOf({ site }: { site: Site }) {
  const [state, setState] = useState<State>({ is: 'loading' })
  const [path, setPath] = useState(location.pathname)
  const load = () => readState(site).then(setState)
  useEffect(() => {
    const follow = () => setPath(location.pathname)
    addEventListener('popstate', follow)
    void load()
    return () => removeEventListener('popstate', follow)
  }, [])
  const go = (to: string) => {
    history.pushState(null, '', to)
    setPath(location.pathname)
    scrollTo(0, 0)
  }
  if (state.is === 'loading') return <main class="alone">Loading…</main>
  if (state.is === 'signed-out') return <SignInPage site={site} onSignedIn={load} />
  if (state.is === 'failed') {
    return (
      <main class="alone">
        <Failure error={state.error} retry={load} />
      </main>
    )
  }
  return <SignedIn site={site} session={state.session} scale={state.scale} path={path} go={go} />
}

async function readState({ root, prices }: Site): Promise<State> {
  try {
    const { session } = await openApi().get<{ session: Session }>(`${root}/session`)
    const { current } = await openApi(session).get<{ current?: { credits: CreditScale | null } }>(
      prices,
    )
    return { is: 'signed-in', session, scale: current?.credits ?? undefined }
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return { is: 'signed-out' }
    return { is: 'failed', error: asApiError(error) }
  }
}

function SignedIn(props: {
  site: Site
  session: Session
  scale: CreditScale | undefined
  path: string
  go(path: string): void
}) {
  const { site, session, scale, path, go } = props
  const { root, places } = site
  const page = useMemo(() => ({ session, scale, go, api: openApi(session) }), [session, scale])
  const [, , first = '', second] = path.split('/')
  const place = places.find((place) => place.path === first)
  const seller = site.namesSeller ? readSeller() : null
  const main = useRef<HTMLElement>(null)
  const isFirst = useRef(true)
  useEffect(() => {
    document.title = `${place?.name ?? 'Not found'} – ${site.name}`
    // Whoever reads with a screen reader hears that the page is another one.
    if (!isFirst.current) main.current?.focus()
    isFirst.current = false
  }, [path])
  return (
    <PageContext.Provider value={page}>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header>
        {seller && <SellerName seller={seller} />}
        <nav aria-label="Pages">
          {places.map(({ path, name }) => (
            <Link key={path} to={path ? `${root}/${path}` : root} isCurrent={path === first}>
              {name}
            </Link>
          ))}
        </nav>
        <div class="who">
          <span>
            <Stored text={session.organisation ?? session.subject} />
            {session.role && ` (${session.role})`}
          </span>
          <SignOut root={root} />
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <PageAt root={root} place={place} part={second} />
      </main>
    </PageContext.Provider>
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

function PageAt(props: { root: string; place: Place | undefined; part: string | undefined }) {
  const { root, place, part } = props
  if (part !== undefined && place?.part) {
    const Part = place.part
    return <Part key={part} id={decoded(part)} />
  }
  if (!place || part !== undefined) {
    return (
      <>
        <h1>There is no such page</h1>
        <p>
          <Link to={root}>Go to the first page</Link>
        </p>
      </>
    )
  }
  const Page = place.page
  return <Page />
}
