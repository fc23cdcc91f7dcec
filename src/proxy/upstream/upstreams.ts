/** The upstreams as calls see them: where they are, and how requests to them are made. Built once, at start. */
import type { Config } from '../../config/config.ts'
import type { Address, UpstreamAddresses } from '../../config/upstream-addresses.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { mapValues } from '../../lib/map-values.ts'
import type { Call } from '../call.ts'
import { RequestHeaders } from './crossing-headers.ts'
import { Locations } from './locations.ts'
import { OwnQuery } from './own-query.ts'
import { commonHeaders, ResponseHeaders } from './response-headers.ts'

/** An upstream for the calls of live or of test keys. */
export interface Upstream {
  /** Tried in this order; without a slash at the end. */
  readonly urls: readonly string[]
  readonly headers: RequestHeaders
  readonly query: OwnQuery
  readonly responseHeaders: ResponseHeaders
}

/** By the name of the service. */
export type Upstreams = Readonly<
  Record<string, { readonly live: Upstream; readonly test?: Upstream }>
>

export function openUpstreams(
  { services, routes, keyHeaders }: Pick<Config, 'services' | 'routes' | 'keyHeaders'>,
  addresses: Readonly<Record<string, UpstreamAddresses>>,
): Upstreams {
  return mapValues(addresses, ({ live, test }, name) => {
    const { identity = [], requestHeaders } = services[name] ?? {}
    const own = Object.values(routes).filter(
      ({ target }) => target.kind === 'upstream' && target.service === name,
    )
    const open = ({ urls, credentials }: Address): Upstream => {
      const query = new OwnQuery(credentials.query)
      return {
        urls,
        query,
        headers: new RequestHeaders({
          ...{ credentials, identity, keyHeaders },
          ...(requestHeaders && { requestHeaders }),
        }),
        responseHeaders: new ResponseHeaders(new Locations(urls, own), query, credentials.secrets),
      }
    }
    return { live: open(live), ...(test && { test: open(test) }) }
  })
}

/** The headers of a response, as its client gets them. */
export function headersForClient(
  upstreams: Upstreams,
  call: Call,
  { mode }: KeyRecord,
  response: Response,
): Headers {
  const { target } = call.route
  const upstream = target.kind === 'upstream' ? upstreams[target.service]?.[mode] : undefined
  return upstream
    ? upstream.responseHeaders.of(call, response)
    : commonHeaders(call.request.method, response)
}
