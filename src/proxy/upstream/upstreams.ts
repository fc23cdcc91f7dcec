/** The upstreams as calls see them: where they are, and how requests to them are made. Built once, at start. */
import type { Config } from '../../config/config.ts'
import type { Address, UpstreamAddresses } from '../../config/upstream-addresses.ts'
import { mapValues } from '../../lib/map-values.ts'
import { RequestHeaders } from './crossing-headers.ts'
import { OwnQuery } from './own-query.ts'

/** An upstream for the calls of live or of test keys. */
export interface Upstream {
  /** Tried in this order; without a slash at the end. */
  readonly urls: readonly string[]
  readonly headers: RequestHeaders
  readonly query: OwnQuery
}

/** By the name of the service. */
export type Upstreams = Readonly<
  Record<string, { readonly live: Upstream; readonly test?: Upstream }>
>

export function openUpstreams(
  { services, keyHeaders }: Pick<Config, 'services' | 'keyHeaders'>,
  addresses: Readonly<Record<string, UpstreamAddresses>>,
): Upstreams {
  return mapValues(addresses, ({ live, test }, name) => {
    const { identity = [], requestHeaders } = services[name] ?? {}
    const open = ({ urls, credentials }: Address): Upstream => ({
      urls,
      headers: new RequestHeaders({
        ...{ credentials, identity, keyHeaders },
        ...(requestHeaders && { requestHeaders }),
      }),
      query: new OwnQuery(credentials.query),
    })
    return { live: open(live), ...(test && { test: open(test) }) }
  })
}
