/** What every part of a gateway is built with. */
import type { GatewayOptions } from './gateway-options.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Phase } from './phase.ts'
import type { Shutdown } from './shutdown.ts'

export interface Context extends GatewayOptions {
  /** Names this gateway in the ledger. */
  readonly instance: string
  readonly phase: Phase
  readonly metrics: Metrics
  readonly shutdown: Shutdown
  readonly warn: (message: string, error?: unknown) => void
}
