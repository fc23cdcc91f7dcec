/**
 * A gateway that `serve --workers` has started: it tells its supervisor where it serves, and stops when the channel between them is
 * closed, because the supervisor asks for that or is gone. A signal would not do: whoever stops a service sends one to all of its
 * processes, and a second one ends a gateway at once.
 */

/** The variable with a worker's number, from 1; where it is absent, this process is none. */
export const workerVariable = 'TOLLBOOK_WORKER'

/** Where a worker serves. */
export interface WorkerAddress {
  readonly url: string
  /** Absent: metrics are served nowhere. */
  readonly metricsUrl?: string | undefined
}

/** Says that calls are taken. */
export function tellSupervisor(address: WorkerAddress): void {
  process.send?.(address)
}

/** Resolves when the supervisor closes the channel, or is gone. */
export function supervisorLeaves(): Promise<'the supervisor'> {
  return new Promise((resolve) => process.on('disconnect', () => resolve('the supervisor')))
}
