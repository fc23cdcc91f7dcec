/**
 * Puts load on one URL and measures it: with wrk where it is installed, which costs the machine
 * little, else with a client of our own, whose figures are lower because it costs more.
 */

import type { Load, Measured } from './measured-load.ts'
import { runOwnClient } from './own-client.ts'
import { runWrk } from './wrk.ts'

export function wrkAvailable(): boolean {
  return Bun.which('wrk') !== null
}

/** Ends at most 15 s after the load's duration; throws when the load could not be run. */
export function runLoad(load: Load): Promise<Measured> {
  return wrkAvailable() ? runWrk(load) : runOwnClient(load)
}
