/** Serves the metrics of a gateway, on a connection to the ledger of their own: a scrape takes none from a call. */
import type { Registry } from 'prom-client'
import { type ConnectOptions, connect, gatewaySilenceSeconds } from '../../ledger/connect.ts'
import type { Endpoint } from '../own-port.ts'
import { poolSizes } from '../pool-sizes.ts'
import { ledgerMetrics } from './ledger-metrics.ts'
import { type MetricsServer, serveMetrics } from './serve-metrics.ts'

/** @throws Error when the endpoint's address is taken */
export function publishMetrics(
  registry: Registry,
  endpoint: Endpoint,
  login: Pick<ConnectOptions, 'url' | 'as'>,
  warn: (message: string, error?: unknown) => void,
): MetricsServer {
  const sql = connect({
    ...{ ...login, max: poolSizes.metrics },
    ...{ statementTimeoutMs: 4_000, maxSilenceSeconds: gatewaySilenceSeconds },
  })
  const readLedger = ledgerMetrics(registry, sql, warn)
  const server = serveMetrics(endpoint, async () => {
    await readLedger()
    return registry.metrics()
  })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await sql.end({ timeout: 5 })
    },
  }
}
