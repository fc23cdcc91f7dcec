/** Addresses of upstreams without credentials, for tests that build the parts of a gateway themselves. */
import type { Address } from '../../src/config/upstream-addresses.ts'
import { noCredentials } from '../../src/config/upstream-credentials.ts'
import { openUpstreams, type Upstreams } from '../../src/proxy/upstream/upstreams.ts'

export function addressAt(url: string, demo = false): Address {
  return { urls: [url], demo, credentials: noCredentials }
}

/** One service, whose upstream is here for live keys. */
export function upstreamsAt(service: string, url: string): Upstreams {
  return openUpstreams(
    { services: {}, routes: {}, keyHeaders: [] },
    { [service]: { live: addressAt(url) } },
  )
}
