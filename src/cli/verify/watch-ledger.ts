/** Verifies the ledger again and again, logs each verification, and serves it as metrics. */
import { Registry } from 'prom-client'
import type { Verification, Verifier } from '../../projector/verify/verifier.ts'
import { serveMetrics } from '../../server/metrics/serve-metrics.ts'
import { verifyMetrics } from '../../server/metrics/verify-metrics.ts'
import { explainError } from '../explain-error.ts'
import { openLog } from '../log.ts'
import { faultLines } from '../print/print-verification.ts'
import { shutdownSignal } from '../shutdown-signal.ts'

/**
 * Runs until a signal asks it to stop. After an error it opens another verifier, which reads the log from the start.
 * @param metricsPort a port of the loopback; without one no metrics are served
 * @returns whether the last verification was sound
 */
export async function watchLedger(
  openVerifier: () => Promise<Verifier>,
  intervalMs: number,
  metricsPort: number | undefined,
): Promise<boolean> {
  const log = openLog('info')
  const registry = new Registry()
  const setMetrics = verifyMetrics(registry)
  const server =
    metricsPort === undefined
      ? undefined
      : serveMetrics({ hostname: '127.0.0.1', port: metricsPort }, () => registry.metrics())
  log.info({ metricsUrl: server?.url }, 'verifying')
  let isStopping = false
  const stopping = shutdownSignal().then(() => {
    isStopping = true
  })
  let verifier: Verifier | undefined
  let isSound = true
  while (!isStopping) {
    try {
      verifier ??= await openVerifier()
      const verification = await verifier.run()
      setMetrics(verification, new Date())
      isSound = verification.sound
      const upTo = positionsOf(verification)
      if (isSound) log.info({ upTo }, 'the ledger is what its log says')
      else
        log.error({ upTo, faults: faultLines(verification) }, 'the ledger is not what its log says')
    } catch (error) {
      log.error({ error: explainError(error) }, 'could not verify; trying again from the start')
      await verifier?.close().catch(() => {})
      verifier = undefined
    }
    await Promise.race([stopping, Bun.sleep(intervalMs)])
  }
  await verifier?.close()
  await server?.stop()
  return isSound
}

function positionsOf({ log }: Verification): string[] {
  return log.map(({ shard, upTo }) => `${shard}-${upTo}`)
}
