/** What people open in the portal and in the console, and how long the browser takes until it can be used. */
import type { Page, Request } from 'playwright-core'

/** A page, or what somebody chooses on the page of the visit before. */
export interface Visit {
  readonly name: string
  /** Behind the origin; absent: something is chosen. */
  readonly path?: string
  /** From a list of that label, by the text of the option. */
  readonly choose?: { readonly label: string; readonly option: string }
  /** What changes its text when what was asked for is there; the heading unless it is said. */
  readonly changes?: string
  /** Whether it is a document by itself, to which no page leads but by loading it. */
  readonly isDocument?: boolean
}

export interface VisitResult {
  readonly ms: number
  readonly requests: readonly VisitRequest[]
}

interface VisitRequest {
  /** With its query, without its origin. */
  readonly path: string
  /** From when it was sent until its whole response was there. */
  readonly ms: number
  /** Of the response, without its head. */
  readonly bytes: number
}

/** Whose pages they are. */
export interface Customer {
  readonly owner: string
  readonly accountId: string
  /** One of its keys, of its charged calls, and of the months that it has statements of (`YYYY-MM`). */
  readonly keyId: string
  readonly requestId: string
  readonly month: string
}

/** Each page follows one of another heading. */
export function portalVisits({ keyId, requestId, month }: Customer): Visit[] {
  const chosen = (name: string, label: string, option: string, changes: string) => ({
    ...{ name: `… ${name}`, choose: { label, option }, changes },
  })
  return [
    { name: 'Home', path: '/portal' },
    { name: 'Keys', path: '/portal/keys' },
    { name: 'A key', path: `/portal/keys/${keyId}` },
    { name: 'Usage, 30 days by route', path: '/portal/usage' },
    chosen('12 months', 'Time', 'Last 12 months', 'figcaption'),
    chosen('by key', 'Series', 'By key', '.legend'),
    chosen('7 days by hour', 'Time', 'Last 7 days', 'figcaption'),
    { name: 'Calls', path: '/portal/calls' },
    { name: 'A call', path: `/portal/calls/${requestId}` },
    { name: 'Statements', path: '/portal/statements' },
    { name: 'Prices', path: '/portal/prices' },
    {
      ...{ name: 'A statement to print', path: `/account/statements/${month}?format=html` },
      isDocument: true,
    },
  ]
}

/** Each page follows one of another heading. */
export function consoleVisits({ owner, accountId, requestId }: Customer): Visit[] {
  return [
    { name: 'Home', path: '/console' },
    { name: 'Accounts', path: '/console/accounts' },
    { name: 'An account', path: `/console/accounts/${accountId}` },
    {
      name: '… 90 days',
      choose: { label: 'Time', option: 'Last 90 days' },
      changes: 'figcaption',
    },
    { name: 'Accounts by owner', path: `/console/accounts?search=${owner}` },
    { name: 'Calls', path: '/console/calls' },
    { name: 'Accounts that owe', path: '/console/accounts?state=owes' },
    { name: 'A call', path: `/console/calls/${requestId}` },
    { name: 'Log', path: '/console/log' },
    {
      name: '… with calls',
      choose: { label: 'Events of calls', option: 'shown' },
      changes: 'tbody',
    },
    { name: 'Prices', path: '/console/prices' },
    { name: 'Health', path: '/console/health' },
  ]
}

/** Follows what one tab asks for. */
export function watchRequests(page: Page): () => Promise<VisitRequest[]> {
  let finished: Promise<VisitRequest>[] = []
  page.on('requestfinished', (request) => {
    finished.push(figuresOf(request))
  })
  return async () => {
    const since = await Promise.all(finished)
    finished = []
    return since
  }
}

async function figuresOf(request: Request): Promise<VisitRequest> {
  const { pathname, search } = new URL(request.url())
  const { responseBodySize: bytes } = await request.sizes()
  return { path: pathname + search, ms: request.timing().responseEnd, bytes }
}

/** Loads the page anew, as from a bookmark, or a document as from the page before. @returns milliseconds since the browser began to */
export async function load(page: Page, origin: string, visit: Visit): Promise<number> {
  const url = origin + visit.path
  if (visit.isDocument) {
    // Of what is no page, a session gives something to its own site alone.
    const isThere = page.waitForURL(url, { waitUntil: 'commit' })
    await page.evaluate((to) => location.assign(to), url)
    await isThere
  } else await page.goto(url, { waitUntil: 'commit' })
  return page.evaluate(untilUsable, { path: undefined, choose: undefined, shown: 'h1' })
}

/** Goes there as a link on the page before does, or chooses. @returns milliseconds since then */
export function follow(page: Page, { path, choose, changes = 'h1' }: Visit): Promise<number> {
  return page.evaluate(untilUsable, { path, choose, shown: changes })
}

interface Asked {
  readonly path: string | undefined
  readonly choose: Visit['choose'] | undefined
  /** What shows another text then. */
  readonly shown: string
}

/** Runs in the browser, by whose clock and frames it goes: this process has other things to do meanwhile. */
async function untilUsable({ path, choose, shown }: Asked): Promise<number> {
  const isLoaded = path === undefined && choose === undefined
  const textOf = () => document.querySelector(shown)?.textContent ?? ''
  const before = isLoaded ? '' : textOf()
  const beganAt = isLoaded ? 0 : performance.now()
  if (path !== undefined) {
    history.pushState(null, '', path)
    dispatchEvent(new PopStateEvent('popstate'))
  }
  if (choose) {
    const label = [...document.querySelectorAll('label')].find((found) =>
      found.textContent?.startsWith(choose.label),
    )
    const list = label?.querySelector('select')
    const option = [...(list?.options ?? [])].find(({ text }) => text === choose.option)
    if (!list || !option) throw new Error(`no list ${choose.label} has ${choose.option}`)
    list.value = option.value
    list.dispatchEvent(new Event('change', { bubbles: true }))
  }
  const isUsable = () =>
    textOf() !== before &&
    document.querySelector('.skeleton, main.alone') === null &&
    [...document.querySelectorAll('.drawing')].every((drawing) => drawing.querySelector('canvas'))
  while (!isUsable()) {
    const failure = document.querySelector('.failure')
    if (failure) throw new Error(failure.textContent ?? '')
    if (performance.now() - beganAt > 60_000) {
      throw new Error(`not usable within a minute: ${document.body.textContent}`)
    }
    await new Promise(requestAnimationFrame)
  }
  return performance.now() - beganAt
}
