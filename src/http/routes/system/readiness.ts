/** Whether a gateway can serve, and what it lacks: what /ready says to load balancers and to people. */
import type { UpstreamAddresses } from '../../../config/upstream-addresses.ts'
import type { RateLimiter } from '../../../gate/rate-limit/rate-limiter.ts'
import type { Sql } from '../../../ledger/connect.ts'
import { schemaFault } from '../../../ledger/migrate/schema-compatibility.ts'
import { readShardTariffs } from '../../../ledger/read/read-tariffs.ts'
import { cachedWithFallback } from '../../../lib/cached-with-fallback.ts'

export interface Readiness {
  /** What the gateway cannot do without, by name, and why it is missing. Nobody should call while there is any. */
  readonly missing: Readonly<Record<string, string>>
  /** What works worse than it should. Calls are served all the same. */
  readonly degraded: Readonly<Record<string, string>>
}

export interface ReadinessDeps {
  readonly sql: Sql
  readonly windows: Pick<RateLimiter, 'degraded'>
  /** Services that routes need. */
  readonly services: ReadonlySet<string>
  readonly addresses: Readonly<Record<string, UpstreamAddresses>>
  readonly stopping: () => boolean
  readonly warn: (message: string, error?: unknown) => void
}

/** Anyone may ask, and ever so often: the ledger is asked at most twice a second. */
const memory = { freshMs: 500, maxStaleMs: 500, timeoutMs: 1_000 }

/** Nothing of what it answers names an address or a login: the reasons are for everyone to read. */
export function openReadiness(deps: ReadinessDeps): () => Promise<Readiness> {
  const { sql, windows, services, addresses, stopping, warn } = deps
  const onError = (error: unknown) => warn('not ready: the ledger cannot be reached', error)
  const readLedger = cachedWithFallback(() => ledgerFaults(sql), { ...memory, onError })
  const unaddressed = [...services].filter((service) => !addresses[service]?.live)

  return async () => {
    const ledger = (await readLedger()) ?? { ledger: 'the ledger cannot be reached' }
    return {
      missing: {
        ...ledger,
        ...(unaddressed.length > 0 && { upstreams: `no address for ${unaddressed.join(', ')}` }),
        ...(stopping() && { gateway: 'the gateway is stopping' }),
      },
      degraded: {
        ...(windows.degraded && {
          windows: 'no Redis that remembers: this gateway admits by its share of the rate limits',
        }),
      },
    }
  }
}

async function ledgerFaults(sql: Sql): Promise<Record<string, string>> {
  const ledger = await schemaFault(sql)
  if (ledger !== undefined) return { ledger }
  const tariffs = await readShardTariffs(sql)
  if (tariffs.every(({ inForce }) => inForce !== null)) return {}
  return { tariff: 'no tariff is in force: publish one with "tollbook prices publish"' }
}
