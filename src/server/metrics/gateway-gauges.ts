/** What is true of a gateway at this moment, read from its parts when somebody scrapes. */
import { Gauge, type Registry } from 'prom-client'

interface GatewayGauges {
  readonly callsInFlight: () => number
  /** Commands that wait for the ledger or are under way to it. */
  readonly appendsPending: () => number
  readonly rateLimitsDegraded: () => boolean
  readonly clockDisagrees: () => boolean
}

export function gatewayGauges(registry: Registry, read: GatewayGauges): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `tollbook_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  gauge('calls_in_flight', 'Calls and streams under way', read.callsInFlight)
  gauge('append_pending', 'Commands waiting for the ledger', read.appendsPending)
  gauge('rate_limits_degraded', 'Whether this gateway admits by its local rate limits', () =>
    read.rateLimitsDegraded() ? 1 : 0,
  )
  gauge(
    'clock_disagrees',
    'Whether nothing is sold because the clocks of the ledger and of this gateway disagree',
    () => (read.clockDisagrees() ? 1 : 0),
  )
}
