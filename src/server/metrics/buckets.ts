/** Upper bounds of histogram buckets, in seconds. */

/** For work of the gateway and the ledger alone. */
export const fineSeconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5]

/** For work in which an upstream takes part. */
export const coarseSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
