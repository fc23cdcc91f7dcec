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
    this.#names = new Set(query.map(([name]) => plainHeaderName(name)))
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

  /** `appid`, `AppId`, `%61ppid` and `appid[]` are the same to some reader. */
  #isOwn(piece: string): boolean {
    const [name = ''] = piece.split('=', 1)
    const decoded = decodedOnce(name.replaceAll('+', ' '))
    return this.#names.has(plainHeaderName(decoded.split('[', 1)[0]?.trim() ?? ''))
  }
}

/** Percent signs that begin no byte stay as they are. */
function decodedOnce(name: string): string {
  return name.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
}
