/**
 * Calls of price 0 are counted in memory and appended as one CallsCounted per key, route and few seconds. So a call costs
 * no append. A gateway that dies loses at most the last few seconds of a count that nobody is billed for.
 */
import type { Appender } from '../../ledger/append/appender.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { LedgerUnavailable } from '../../ledger/unavailable.ts'

export interface FreeCalls {
  count(key: KeyRecord, endpoint: string, latencyMs: number, hasFailed: boolean): void
  /** Appends what was counted. A count that certainly does not reach the ledger is added to the next one. */
  flush(): Promise<void>
  close(): Promise<void>
}

interface Tally {
  readonly key: KeyRecord
  readonly endpoint: string
  calls: number
  errors: number
  latencyMsSum: number
}

export function openFreeCalls(
  appenderOf: (shard: number) => Appender,
  intervalMs: number,
): FreeCalls {
  let tallies = new Map<string, Tally>()
  const timer = setInterval(flush, intervalMs)

  function add(key: KeyRecord, endpoint: string, more: Omit<Tally, 'key' | 'endpoint'>): void {
    const name = `${key.keyId} ${endpoint}`
    const tally = tallies.get(name) ?? { key, endpoint, calls: 0, errors: 0, latencyMsSum: 0 }
    tally.calls += more.calls
    tally.errors += more.errors
    tally.latencyMsSum += more.latencyMsSum
    tallies.set(name, tally)
  }

  async function flush(): Promise<void> {
    const counted = [...tallies.values()]
    tallies = new Map()
    await Promise.all(
      counted.map(async (tally) => {
        const { key, endpoint, calls, errors, latencyMsSum } = tally
        const { accountId, keyId, mode } = key
        const actor = `key:${keyId}`
        try {
          await appenderOf(key.shard).append({
            ...{ kind: 'count', accountId, keyId, mode, endpoint, actor },
            ...{ calls, errors, latencyMsSum },
          })
        } catch (error) {
          // A count that was under way is written when the ledger is back. Added again, it would count twice.
          const mayBeWritten = error instanceof LedgerUnavailable && error.mayBeWritten
          if (!mayBeWritten) add(key, endpoint, tally)
        }
      }),
    )
  }

  return {
    count(key, endpoint, latencyMs, hasFailed) {
      add(key, endpoint, {
        calls: 1,
        errors: hasFailed ? 1 : 0,
        latencyMsSum: Math.round(latencyMs),
      })
    },
    flush,
    async close() {
      clearInterval(timer)
      await flush()
    },
  }
}
