/**
 * A browser that can reach nothing but this machine: Debian's Chromium, where it is installed. What a page
 * asks of anywhere else is refused and remembered.
 */
import { type Browser, chromium, type Page, type Route } from 'playwright-core'

export interface TestPage {
  readonly page: Page
  /** URLs that the page asked for, and those of them that are of other machines. */
  readonly asked: readonly string[]
  readonly elsewhere: readonly string[]
  /** What the browser complained of: scripts that fail, files that are missing, policies that are broken. */
  readonly complaints: string[]
}

export interface TestBrowser {
  /**
   * @param isWatched false: the browser asks for other origins by itself, preflights and all, which a watched one does not;
   *   what it asks for is not remembered
   */
  open(url: string, isWatched?: boolean): Promise<TestPage>
  close(): Promise<void>
}

const programs = ['chromium', 'chromium-browser', 'google-chrome']

/**
 * The program to run, or undefined where there is none. With TOLLBOOK_REQUIRE_CHROMIUM=1 that is an error,
 * so that no run can skip these tests unseen.
 */
export function browserProgram(): string | undefined {
  const program = programs.map((name) => Bun.which(name)).find((path) => path !== null)
  if (!program && process.env.TOLLBOOK_REQUIRE_CHROMIUM === '1') {
    throw new Error('These tests need Chromium: install the package chromium.')
  }
  return program ?? undefined
}

export async function startBrowser(executablePath: string): Promise<TestBrowser> {
  const browser = await chromium.launch({
    executablePath,
    // Chromium's own sandbox does not work as root, nor in most containers.
    args: ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
  })
  return {
    open: (url, isWatched = true) => open(browser, url, isWatched),
    close: () => browser.close(),
  }
}

async function open(browser: Browser, url: string, isWatched: boolean): Promise<TestPage> {
  const asked: string[] = []
  const elsewhere: string[] = []
  const complaints: string[] = []
  const page = await browser.newPage()
  // Drawing what a page shows is no promise about time: on a busy machine it takes a while.
  page.setDefaultTimeout(100_000)
  page.on('console', (message) => {
    const refused = message.text().startsWith('Failed to load resource')
    if (['error', 'warning'].includes(message.type()) && !refused) complaints.push(message.text())
  })
  // What a script asks for may be refused, and is the script's to say; a file of the page may not.
  page.on('response', (response) => {
    const byScript = ['fetch', 'xhr'].includes(response.request().resourceType())
    if (response.status() >= 400 && !byScript) complaints.push(`${response.url()} is missing`)
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  const watch = async (route: Route) => {
    const target = new URL(route.request().url())
    asked.push(target.href)
    if (target.hostname === '127.0.0.1') return route.continue()
    elsewhere.push(target.href)
    return route.abort()
  }
  if (isWatched) await page.route('**/*', watch)
  await page.goto(url)
  return { page, asked, elsewhere, complaints }
}
