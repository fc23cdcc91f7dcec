/** A running gateway: how it is started, what is known of it, and how it is stopped. */
import { limitRepeats } from '../lib/limit-repeats.ts'
import { compose } from './compose.ts'
import type { GatewayOptions } from './gateway-options.ts'
import { openShutdown, stopServing } from './shutdown.ts'

export interface Gateway {
  readonly url: string
  /** Where its metrics are served, if they are. */
  readonly metricsUrl: string | undefined
  /** Where the operators' console is served, if it is. */
  readonly consoleUrl: string | undefined
  /**
   * Says at /ready that it stops, takes calls for as long as the environment's drain lasts, then takes no more,
   * lets those under way finish, and ends. A call that does not finish within `graceMs` after the drain is cut
   * off and not charged. A second call of `stop` waits for the first.
   */
  stop(graceMs?: number): Promise<void>
}

const defaultGraceMs = 30_000

/** @throws Error when a part cannot be opened; then every part that was opened is closed again */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { log } = options
  const warn = limitRepeats<unknown>((message, error, suppressed) =>
    log.warn({ err: error, ...(suppressed > 0 && { suppressedBefore: suppressed }) }, message),
  )
  const shutdown = openShutdown(warn)
  try {
    const { url, metricsUrl, consoleUrl, serving } = await compose(options, shutdown, warn)
    let stopped: Promise<void> | undefined
    return {
      url,
      metricsUrl,
      consoleUrl,
      stop(graceMs = defaultGraceMs) {
        stopped ??= stopServing(serving, graceMs).finally(() => shutdown.run())
        return stopped
      },
    }
  } catch (error) {
    await shutdown.run()
    throw error
  }
}
