/**
 * Where calls of live and test keys go. A demo service may stand in for a missing address, but only one that this
 * process runs: a gateway in production runs none, and must not sell the responses of a demo.
 */
import type { Config } from './config.ts'
import { ConfigError, type ConfigProblem } from './config-error.ts'

interface Address {
  /** Without a slash at the end: an upstream path is appended. */
  readonly url: string
  readonly demo: boolean
}

export interface UpstreamAddresses {
  readonly live: Address
  /** Absent where test keys have nowhere to go. It is the live upstream only if the file says so. */
  readonly test?: Address
}

/**
 * The addresses of all upstreams, by name. `demoUrls` are the demo services that run, by name; none in production.
 *
 * @throws ConfigError that says what to set, for each upstream without an address
 */
export function upstreamAddresses(
  config: Config,
  demoUrls: Readonly<Record<string, string>>,
): Readonly<Record<string, UpstreamAddresses>> {
  const problems: ConfigProblem[] = []
  const addresses: Record<string, UpstreamAddresses> = Object.create(null)
  for (const [name, { urlEnv, url, testUrl, demo }] of Object.entries(config.services)) {
    const demoUrl = demo !== undefined && Object.hasOwn(demoUrls, demo) ? demoUrls[demo] : undefined
    const live = addressOf(url, demoUrl)
    const test = addressOf(testUrl, demoUrl)
    if (live !== undefined) addresses[name] = { live, ...(test && { test }) }
    else {
      const fields = `services.${name}.url`
      const set = urlEnv === undefined ? fields : `${urlEnv} (or ${fields})`
      problems.push({ path: `services.${name}`, message: `no address, set ${set}` })
    }
  }
  if (problems.length > 0) throw new ConfigError(config.file, problems)
  return addresses
}

function addressOf(url: string | undefined, demoUrl: string | undefined): Address | undefined {
  if (url !== undefined) return { url, demo: false }
  return demoUrl === undefined ? undefined : { url: demoUrl, demo: true }
}
