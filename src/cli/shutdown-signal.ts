/** Waits until the process is asked to end. */

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once. */
export function shutdownSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isShuttingDown = false
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (isShuttingDown) process.exit(130)
        isShuttingDown = true
        resolve(signal)
      })
    }
  })
}
