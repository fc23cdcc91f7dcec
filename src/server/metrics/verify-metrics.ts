/** The metrics of `verify --watch`: whether the ledger still is what its log says. */
import { Gauge, type Registry } from 'prom-client'
import type { Verification } from '../../projector/verify/verifier.ts'

/** Sets the figures of a run. The time of the last run says whether the watch still runs. */
export function verifyMetrics(registry: Registry): (verification: Verification, at: Date) => void {
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({ name: `tollbook_verify_${name}`, help, labelNames, registers: [registry] })

  const sound = gauge('sound', 'Whether the last run found nothing wrong')
  const rows = gauge('differing_rows', 'Rows of a projection that are not what the log says', [
    'projection',
  ])
  const faults = gauge('log_faults', "Faults found in a shard's log so far", ['shard'])
  const tables = gauge('table_faults', 'Rows beside the log that are not what it says')
  const schema = gauge(
    'schema_faults',
    'What is not as shipped of functions, triggers and the like',
  )
  const position = gauge('position', "How far a shard's log was verified", ['shard'])
  const lastRun = gauge('last_run_timestamp_seconds', 'When the last run ended')

  return (verification, at) => {
    sound.set(verification.sound ? 1 : 0)
    for (const { projection, differing, failure } of verification.projections) {
      rows.set({ projection }, failure === undefined ? differing : Number.NaN)
    }
    for (const { shard, faulty, upTo } of verification.log) {
      faults.set({ shard }, faulty)
      position.set({ shard }, upTo)
    }
    tables.set(verification.tables.faulty)
    schema.set(verification.schema.faulty)
    lastRun.set(at.getTime() / 1_000)
  }
}
