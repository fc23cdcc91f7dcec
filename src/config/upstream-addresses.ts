/**
 * Where calls of live and test keys go, and what the gateway adds to them. A demo service may stand in for a missing
 * address, but only one that this process runs: a gateway in production runs none, and must not sell the responses of a
 * demo. A demo gets no credentials, so none are needed for it.
 */
import type { Fault } from '../lib/fault.ts'
import type { Config } from './config.ts'
import { ConfigError, problemOf } from './config-error.ts'
import {
  type Credentials,
  calledServices,
  noCredentials,
  readCredentials,
  type Variable,
} from './upstream-credentials.ts'

export interface Address {
  /** Tried in this order; without a slash at the end, since an upstream path is appended. At least one. */
  readonly urls: readonly string[]
  readonly demo: boolean
  readonly credentials: Credentials
}

export interface UpstreamAddresses {
  readonly live: Address
  /** Absent where test keys have nowhere to go. It is the live upstream only if the file says so. */
  readonly test?: Address
}

/**
 * The addresses of all upstreams, by name. `demoUrls` are the demo services that run, by name; none in production.
 *
 * @param variable the environment, for the credentials of the upstreams that routes call
 * @throws ConfigError that says what to set, for each upstream without an address or a credential
 */
export function upstreamAddresses(
  config: Config,
  demoUrls: Readonly<Record<string, string>>,
  variable: Variable,
): Readonly<Record<string, UpstreamAddresses>> {
  const faults: Fault[] = []
  const called = calledServices(config)
  const addresses: Record<string, UpstreamAddresses> = Object.create(null)
  for (const [name, service] of Object.entries(config.services)) {
    const { urlEnv, urls, testUrl, demo } = service
    const demoUrl = demo !== undefined && Object.hasOwn(demoUrls, demo) ? demoUrls[demo] : undefined
    const addressOf = (mode: 'live' | 'test', urls: readonly string[]): Address | undefined => {
      if (urls.length === 0) {
        return demoUrl === undefined
          ? undefined
          : { urls: [demoUrl], demo: true, credentials: noCredentials }
      }
      const credentials = called.has(name)
        ? readCredentials(name, service, mode, variable, faults)
        : noCredentials
      return { urls, demo: false, credentials }
    }
    const live = addressOf('live', urls)
    const test = addressOf('test', testUrl === undefined ? [] : [testUrl])
    if (live !== undefined) addresses[name] = { live, ...(test && { test }) }
    else {
      const fields = `services.${name}.url`
      const set = urlEnv === undefined ? fields : `${urlEnv} (or ${fields})`
      faults.push({ path: ['services', name], message: `no address, set ${set}` })
    }
  }
  if (faults.length > 0) {
    throw new ConfigError(
      config.file,
      faults.map((fault) => problemOf(fault)),
    )
  }
  return addresses
}
