/** A gateway that `serve --workers` has started: it tells its supervisor where it serves, and stops when that is gone. */

/** The variable with a worker's number, from 1; where it is absent, this process is none. */
export const workerVariable = 'TOLLBOOK_WORKER'

/** Where a worker serves. */
export interface WorkerAddress {
  readonly url: string
  /** Absent: metrics are served nowhere. */
  readonly metricsUrl?: string | undefined
}

/** Says that calls are taken. Where nobody has started this process as a worker, nobody hears it. */
export function tellSupervisor(address: WorkerAddress): void {
  process.send?.(address)
}

/** Resolves when the supervisor is gone: then nobody would stop this worker any more. */
export function supervisorGone(): Promise<'supervisor gone'> {
  return new Promise((resolve) => process.on('disconnect', () => resolve('supervisor gone')))
}
