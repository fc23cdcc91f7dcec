/**
 * Figures of the ledger itself, read from it when somebody scrapes. They are cached for a moment, a scrape
 * waits for them no longer than a second, and they are absent (rather than old) while the ledger cannot be
 * read. Every gateway shows the same figures: take their maximum, not their sum.
 */
import { Gauge, type Registry } from 'prom-client'
import type { Sql } from '../../ledger/connect.ts'
import { countByPlan, readLedgerState } from '../../ledger/read/read-state.ts'
import { cachedWithFallback } from '../../lib/cached-with-fallback.ts'
import { projectionLags } from '../../projector/catch-up.ts'

const timeoutMs = 1_000
const state = { maxAgeMs: 1_000, maxStaleMs: 1_000, timeoutMs }
/** Rarely read, because it counts every account and key. */
const census = { maxAgeMs: 60_000, maxStaleMs: 300_000, timeoutMs }

/**
 * @param sql a connection of its own, so that a scrape takes none from a call
 * @returns a function that reads what is due and sets the gauges; it never throws
 */
export function ledgerMetrics(
  registry: Registry,
  sql: Sql,
  warn: (message: string, error?: unknown) => void,
): () => Promise<void> {
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({ name: `tollbook_${name}`, help, labelNames, registers: [registry] })

  const up = gauge('ledger_up', 'Whether the ledger replied to this scrape within a second')
  const position = gauge('ledger_position', "The last position of a shard's log", ['shard'])
  const diverged = gauge(
    'ledger_diverged',
    "Whether a shard's log is not the one that a gateway has seen: nothing is sold",
    ['shard'],
  )
  const openHolds = gauge('open_holds', 'Holds that are neither settled, released nor expired')
  const overdueHolds = gauge('overdue_holds', 'Open holds that should have been expired by now')
  const partitions = gauge('partitions_ready', 'Partitions of the log that lie wholly ahead of it')
  const lagEvents = gauge(
    'projection_lag_events',
    'Events that a catch-up projection has not applied',
    ['projection'],
  )
  const lagSeconds = gauge(
    'projection_lag_seconds',
    'Age of the oldest event that a catch-up projection has not applied',
    ['projection'],
  )
  const accounts = gauge('accounts', 'Accounts that were not erased, by the plan in force', [
    'plan',
  ])
  const keys = gauge('keys', "Keys that were not revoked, by their account's plan", ['plan'])

  const onError = (error: unknown) => warn('metrics: the ledger could not be read', error)
  const readBoth = () => Promise.all([readLedgerState(sql), projectionLags(sql)])
  const readState = cachedWithFallback(readBoth, { ...state, onError })
  const readCensus = cachedWithFallback(() => countByPlan(sql), { ...census, onError })

  return async () => {
    const read = await readState()
    // A ledger that is away is not read a second time.
    const plans = read && (await readCensus())
    up.set(read ? 1 : 0)
    for (const single of [openHolds, overdueHolds, partitions]) single.remove()
    for (const labelled of [position, diverged, lagEvents, lagSeconds, accounts, keys])
      labelled.reset()
    if (!read) return
    const [ledger, lags] = read
    openHolds.set(ledger.openHolds)
    overdueHolds.set(ledger.overdueHolds)
    partitions.set(ledger.partitionsReady)
    for (const { shard, ...head } of ledger.heads) {
      position.set({ shard }, head.position)
      diverged.set({ shard }, head.divergence === null ? 0 : 1)
    }
    for (const { projection, events, seconds } of lags) {
      lagEvents.set({ projection }, events)
      lagSeconds.set({ projection }, seconds)
    }
    for (const { plan, ...count } of plans ?? []) {
      accounts.set({ plan }, count.accounts)
      keys.set({ plan }, count.keys)
    }
  }
}
