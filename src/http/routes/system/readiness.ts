/** Whether a gateway can serve and what it lacks: what load balancers and people read at /ready. */
import type { UpstreamAddresses } from '../../../config/upstream-addresses.ts'
import type { RateLimiter } from '../../../gate/rate-limit/rate-limiter.ts'
import type { Sql } from '../../../ledger/connect.ts'
import { schemaFault } from '../../../ledger/migrate/schema-compatibility.ts'
import { readHeads } from '../../../ledger/read/read-heads.ts'
import { readShardTariffs } from '../../../ledger/read/read-tariffs.ts'
import type { Role } from '../../../ledger/roles.ts'
import type { LedgerFault } from '../../../ledger/unavailable.ts'
import { cachedWithFallback } from '../../../lib/cached-with-fallback.ts'

export interface Readiness {
  /** What the gateway needs and lacks, by name, and why. While anything is missing, nobody should call. */
  readonly missing: Readonly<Record<string, string>>
  /** What works worse than it should, by name, and why. Calls are served all the same. */
  readonly degraded: Readonly<Record<string, string>>
}

export interface ReadinessDeps {
  /** The connections that it serves by, each with its role. */
  readonly ledgers: readonly { readonly sql: Sql; readonly role: Role }[]
  readonly rateLimiter: Pick<RateLimiter, 'degraded'>
  /** Services that routes need. */
  readonly services: ReadonlySet<string>
  readonly addresses: Readonly<Record<string, UpstreamAddresses>>
  readonly isStopping: () => boolean
  /** Why the ledger takes nothing from this gateway just now, though it replies. */
  readonly ledgerFault: () => LedgerFault | undefined
  readonly warn: (message: string, error?: unknown) => void
}

/** Anyone may ask as often as they like: the ledger is read at most twice a second. */
const caching = { maxAgeMs: 500, maxStaleMs: 500, timeoutMs: 1_000 }

/** No reason names an address or a login, because anyone may read them. */
export function openReadiness(deps: ReadinessDeps): () => Promise<Readiness> {
  const { ledgers, rateLimiter, services, addresses, isStopping, ledgerFault, warn } = deps
  const onError = (error: unknown) => warn('not ready: the ledger cannot be reached', error)
  const readLedger = cachedWithFallback(() => ledgerFaults(ledgers), { ...caching, onError })
  const unaddressed = [...services].filter((service) => !addresses[service]?.live)

  return async () => {
    const ledger = (await readLedger()) ?? { ledger: 'the ledger cannot be reached' }
    return {
      missing: {
        ...ledger,
        ...(ledgerFault() === 'log_diverged' && { ledger: diverged }),
        ...(ledgerFault() === 'clock_disagrees' && {
          clock: 'the clocks of the ledger and of this gateway disagree',
        }),
        ...(unaddressed.length > 0 && { upstreams: `no address for ${unaddressed.join(', ')}` }),
        ...(isStopping() && { gateway: 'the gateway is stopping' }),
      },
      degraded: {
        ...(rateLimiter.degraded && {
          rateLimits: 'no Redis that can be trusted: this gateway admits by its local rate limits',
        }),
      },
    }
  }
}

const diverged =
  'the log is not the one that a gateway has seen: nothing is sold until its owner accepts the loss'

async function ledgerFaults(
  ledgers: ReadinessDeps['ledgers'],
): Promise<Readonly<Record<string, string>>> {
  const found = await Promise.all(ledgers.map(({ sql, role }) => ledgerFault(sql, role)))
  return Object.assign({}, ...found)
}

async function ledgerFault(sql: Sql, role: Role): Promise<Readonly<Record<string, string>>> {
  const ledger = await schemaFault(sql, role)
  if (ledger !== undefined) return { ledger }
  const heads = await readHeads(sql)
  if (heads.some(({ divergence }) => divergence !== null)) return { ledger: diverged }
  const tariffs = await readShardTariffs(sql)
  if (tariffs.every(({ inForce }) => inForce !== null)) return {}
  return { tariff: 'no tariff is in force: publish one with "tollbook prices publish"' }
}
