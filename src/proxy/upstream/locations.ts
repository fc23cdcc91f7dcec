/**
 * Where an upstream's `Location` leads on the gateway. The upstream's own address would lead the client past what is sold,
 * and may be one that only the gateway can reach. It becomes the path of the sold route that leads there, or a path under
 * that of the call's own route; otherwise there is none to tell.
 */
import type { Route } from '../../config/config.ts'
import {
  matchPath,
  type PathTemplate,
  parsePathTemplate,
  parseTargetTemplate,
  pathFiller,
} from '../../lib/path-template.ts'

/** A route that leads to a path on the upstream. */
interface SoldPath {
  readonly template: PathTemplate
  /** Its own path, of the texts of its parameters; undefined where the upstream's path has not all of them. */
  readonly publicPath: (texts: readonly string[]) => string | undefined
}

export class Locations {
  readonly #bases: readonly URL[]
  readonly #sold: ReadonlyMap<Route, SoldPath>

  /**
   * @param urls the addresses of the upstream
   * @param routes those that call it
   */
  constructor(urls: readonly string[], routes: readonly Route[]) {
    this.#bases = urls.map((url) => new URL(url))
    // Who is sent to a place usually reads what is there.
    const reads = ({ methods }: Route) => Number(methods.includes('GET'))
    const readersFirst = routes.toSorted((a, b) => reads(b) - reads(a))
    this.#sold = new Map(readersFirst.map((route) => [route, soldPath(route)]))
  }

  /**
   * The path and query on the gateway; undefined where there is none.
   * @param value as the upstream said it
   * @param askedUrl the address that was called
   * @param route the one of the call
   */
  of(value: string, askedUrl: string, route: Route): string | undefined {
    if (!URL.canParse(value, askedUrl)) return undefined
    const url = new URL(value, askedUrl)
    const inside = this.#pathInside(url)
    const path = inside === '' ? [] : inside?.split('/')
    const publicPath = path && (this.#soldAt(path) ?? this.#under(route, path))
    return publicPath === undefined ? undefined : publicPath + url.search
  }

  /** Whether this leads to the upstream's server, to a place that is sold or not. */
  isAtUpstream(value: string, askedUrl: string): boolean {
    if (!URL.canParse(value, askedUrl)) return false
    const { origin } = new URL(value, askedUrl)
    return this.#bases.some((base) => base.origin === origin)
  }

  /** The path behind the upstream's address, without a slash before it; undefined where the URL leads elsewhere. */
  #pathInside(url: URL): string | undefined {
    if (url.username !== '' || url.password !== '') return undefined
    for (const base of this.#bases) {
      const prefix = `${base.pathname.replace(/\/+$/, '')}/`
      if (url.origin === base.origin && url.pathname.startsWith(prefix)) {
        return url.pathname.slice(prefix.length)
      }
    }
    return undefined
  }

  #soldAt(path: readonly string[]): string | undefined {
    for (const { template, publicPath } of this.#sold.values()) {
      const texts = matchPath(template, path)
      const found = texts && publicPath(texts)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** What is further down on the upstream is as far down under the route. */
  #under(route: Route, path: readonly string[]): string | undefined {
    const sold = this.#sold.get(route)
    if (!sold || sold.template.tail !== undefined) return undefined
    // A slash at the end is no step further down.
    const segments = sold.template.segments.filter((pieces) => pieces.length > 0)
    const { length } = segments
    const texts =
      path.length > length
        ? matchPath({ ...sold.template, segments }, path.slice(0, length))
        : undefined
    const publicPath = texts && sold.publicPath(texts)
    return publicPath === undefined ? undefined : [publicPath, ...path.slice(length)].join('/')
  }
}

function soldPath({ path, target }: Route): SoldPath {
  const template = parseTargetTemplate(target.kind === 'upstream' ? target.path : '/')
  const own = parsePathTemplate(path)
  const fill = pathFiller(own)
  const isKnown = own.names.every((name) => template.names.includes(name))
  return {
    template,
    publicPath: (texts) =>
      isKnown
        ? fill(Object.fromEntries(template.names.map((name, i) => [name, texts[i] as string])))
        : undefined,
  }
}
