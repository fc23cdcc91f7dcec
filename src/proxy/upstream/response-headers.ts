/**
 * The headers of an upstream's response as the client gets them: less what ends here (config/header-names.ts), and with
 * what names the upstream's own places, or lets others keep what one customer paid for, put right.
 */

import type { Route } from '../../config/config.ts'
import { isNeverFromUpstreams } from '../../config/header-names.ts'
import type { Secret } from '../../lib/secret.ts'
import { secretFinder } from '../../lib/secret-forms.ts'
import type { Call } from '../call.ts'
import { crossing, knownNames } from './crossing-headers.ts'
import type { Locations } from './locations.ts'
import type { OwnQuery } from './own-query.ts'
import { retryAfter } from './retry-after.ts'

const ends = knownNames(isNeverFromUpstreams)

/** They name a place on the upstream. */
const locationNames = ['location', 'content-location', 'operation-location', 'azure-asyncoperation']

export class ResponseHeaders {
  readonly #locations: Locations
  readonly #query: OwnQuery
  readonly #repeatsSecret: ((text: string) => boolean) | undefined

  /** @param secrets what the upstream is sent and must not repeat to a client */
  constructor(locations: Locations, query: OwnQuery, secrets: readonly Secret[]) {
    this.#locations = locations
    this.#query = query
    this.#repeatsSecret = secretFinder(secrets.map((secret) => secret.reveal()))
  }

  of({ request, route }: Call, response: Response): Headers {
    const headers = commonHeaders(request.method, response)
    for (const name of locationNames) {
      const value = headers.get(name)
      if (value === null) continue
      const location = this.#locations.of(value, response.url, route)
      if (location === undefined) headers.delete(name)
      else headers.set(name, this.#query.takeFrom(location))
    }
    const links = headers.get('link')
    if (links !== null) this.#setLinks(headers, links, response.url, route)
    this.#removeSecrets(headers)
    return headers
  }

  /** Links to the upstream's places lead to the gateway's, or are left out; those to other servers stay. */
  #setLinks(headers: Headers, links: string, askedUrl: string, route: Route): void {
    const kept = linksIn(links).flatMap(({ target, parameters }) => {
      if (!this.#locations.isAtUpstream(target, askedUrl)) {
        return URL.canParse(target) ? [`<${target}>${parameters}`] : []
      }
      const location = this.#locations.of(target, askedUrl, route)
      return location === undefined ? [] : [`<${this.#query.takeFrom(location)}>${parameters}`]
    })
    if (kept.length === 0) headers.delete('link')
    else headers.set('link', kept.join(', '))
  }

  #removeSecrets(headers: Headers): void {
    const repeatsSecret = this.#repeatsSecret
    if (repeatsSecret === undefined) return
    const all = [...headers]
    // Nearly always there is none, and one look at all headers is quicker than one at each.
    if (!repeatsSecret(all.flat().join('\n'))) return
    for (const [name, value] of all) {
      if (repeatsSecret(name) || repeatsSecret(value)) headers.delete(name)
    }
  }
}

/** Each link is looked up among all routes. */
const maxLinks = 100

/**
 * The first links of a header (RFC 8288 §3): where each leads, and what stands behind that. What is no link ends the list.
 * Each character is looked at once: a regular expression for this takes quadratic time.
 */
export function linksIn(text: string): Link[] {
  const links: Link[] = []
  let at = 0
  while (links.length < maxLinks) {
    while (text[at] === ' ' || text[at] === '\t') at++
    const close = text[at] === '<' ? text.indexOf('>', at) : -1
    const target = text.slice(at + 1, close)
    const end = close < 0 || target.includes('<') ? undefined : endOfLink(text, close + 1)
    if (end === undefined) break
    links.push({ target, parameters: text.slice(close + 1, end).trimEnd() })
    at = end + 1
  }
  return links
}

interface Link {
  readonly target: string
  readonly parameters: string
}

/** Where the comma behind a link is, or the end; undefined for what is no link. */
function endOfLink(text: string, begin: number): number | undefined {
  let isQuoted = false
  for (let at = begin; at < text.length; at++) {
    const character = text[at]
    if (character === '"') isQuoted = !isQuoted
    else if (isQuoted && character === '\\') at++
    else if (!isQuoted && character === ',') return at
    else if (!isQuoted && character === '<') return undefined
  }
  return isQuoted ? undefined : text.length
}

/** What holds for every response, also for one that stands in the configuration. */
export function commonHeaders(method: string, { status, headers: theirs }: Response): Headers {
  const headers = crossing(theirs, ends)
  const cacheControl = headers.get('cache-control')
  if (cacheControl !== null) headers.set('cache-control', privateCacheControl(cacheControl))
  // Without it, a shared cache may guess how long what it read is good for.
  else if (method === 'GET' || method === 'HEAD') headers.set('cache-control', 'private')
  if (status >= 400) {
    headers.set('x-error-source', 'upstream')
    const seconds = retryAfter(headers.get('retry-after'), Date.now())
    if (seconds !== undefined) headers.set('retry-after', String(seconds))
  }
  if (method === 'HEAD') {
    // Without a body, the length is what a GET would have.
    const length = theirs.get('content-length') ?? ''
    if (/^\d{1,15}$/.test(length)) headers.set('content-length', length)
  }
  return headers
}

/**
 * The same for caches of one client only: a shared one would give others what a customer paid for. What is kept by no
 * cache, or only to be checked each time, stays as it is.
 */
function privateCacheControl(value: string): string {
  const directives = (value.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? [])
    .map((directive) => directive.trim())
    .filter((directive) => directive !== '')
  const nameOf = (directive: string) => directive.split('=', 1)[0]?.trim().toLowerCase() ?? ''
  const kept = directives.filter((directive) => !shared.has(nameOf(directive)))
  const isKept = kept.length === directives.length
  if (isKept && directives.some((directive) => strict.has(directive.toLowerCase()))) return value
  return ['private', ...kept.filter((directive) => nameOf(directive) !== 'private')].join(', ')
}

/** Directives for shared caches. */
const shared = new Set(['public', 's-maxage', 'proxy-revalidate'])
const strict = new Set(['private', 'no-store', 'no-cache'])
