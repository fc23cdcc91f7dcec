/** What every part of a gateway is built with. */
import type { NewBodyMemory } from '../lib/body-memory-budget.ts'
import type { GatewayOptions } from './gateway-options.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Phase } from './phase.ts'
import type { Shutdown } from './shutdown.ts'

export interface Context extends GatewayOptions {
  /** Names this gateway in the ledger. */
  readonly instance: string
  readonly phase: Phase
  readonly metrics: Metrics
  /** The memory for the bodies of all requests together. */
  readonly newBodyMemory: NewBodyMemory
  readonly shutdown: Shutdown
  readonly warn: (message: string, error?: unknown) => void
}
