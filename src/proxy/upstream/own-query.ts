/**
 * Parameters that the gateway adds to the queries of an upstream, such as a credential. Whatever the client sends of such a
 * name is dropped: readers differ in which of two equal names counts, in letter case, and in what separates parameters.
 */
import { plainHeaderName } from '../../config/header-names.ts'
import type { Credentials } from '../../config/upstream-credentials.ts'

export class OwnQuery {
  readonly #names: ReadonlySet<string>
  readonly #text: string

  constructor(query: Credentials['query']) {
    this.#names = new Set(query.map(([name]) => plainName(name)))
    this.#text = query
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value.reveal())}`)
      .join('&')
  }

  /** @param target an address with the client's query */
  addTo(target: string): string {
    if (this.#text === '') return target
    const at = target.indexOf('?')
    if (at < 0) return `${target}?${this.#text}`
    const kept = this.#less(target.slice(at + 1))
    return `${target.slice(0, at)}?${kept === '' ? '' : `${kept}&`}${this.#text}`
  }

  /** An address without parameters of these names. */
  takeFrom(target: string): string {
    const at = target.indexOf('?')
    if (this.#text === '' || at < 0) return target
    const kept = this.#less(target.slice(at + 1))
    return kept === '' ? target.slice(0, at) : `${target.slice(0, at)}?${kept}`
  }

  #less(query: string): string {
    const parts = query.split('&')
    const kept = parts.filter((part) => !part.split(';').some((piece) => this.#isOwn(piece)))
    return kept.length === parts.length ? query : kept.join('&')
  }

  /** `appid`, `AppId`, `%61ppid`, `appid[]`, `[appid]`, `appid.x` and `appid%00x` are the same to some reader. */
  #isOwn(piece: string): boolean {
    const [name = ''] = piece.split('=', 1)
    const decoded = decodedOnce(decodedOnce(name.replaceAll('+', ' ')))
    const [first = ''] = decoded.split(endsOfNames).filter((part) => part.trim() !== '')
    return this.#names.has(plainName(decoded)) || this.#names.has(plainName(first))
  }
}

/** Readers of nested names and of texts with an end cut a name there. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const endsOfNames = /[[\].\0-\x1f]/

/** Without what readers leave out at either end, or between its words. */
function plainName(name: string): string {
  return plainHeaderName(name)
    .split('-')
    .filter((word) => word !== '')
    .join('-')
}

/** Percent signs that begin no byte stay as they are. */
function decodedOnce(name: string): string {
  if (!name.includes('%')) return name
  return name.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
}
