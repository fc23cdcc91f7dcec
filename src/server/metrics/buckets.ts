/** Upper bounds of histogram buckets, in seconds. */

/** For what the gateway and the ledger do by themselves. */
export const fineSeconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5]

/** For what a service takes part in. */
export const coarseSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
