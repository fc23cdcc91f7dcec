/** Every fault, in the order of the table. */
import type { Fault } from '../fault.ts'
import { clientFaults } from './client.ts'
import { clockFaults } from './clock.ts'
import { commandFaults } from './command.ts'
import { diskFull } from './disk-full.ts'
import { gatewayFaults } from './gateway.ts'
import { keyFaults } from './keys.ts'
import { killGateway } from './kill-gateway.ts'
import { leaseFaults } from './lease.ts'
import { logFaults } from './log.ts'
import { postgresFaults } from './postgres.ts'
import { raceFaults } from './race.ts'
import { redisFaults } from './redis.ts'
import { upstreamFaults } from './upstream.ts'

const calm: Fault = {
  name: 'calm',
  says: 'nothing happens',
  runs: 20,
  load: { narrow: 0.25 },
  strike: (_, load) => load.calls(60),
}

export const faults: readonly Fault[] = [
  calm,
  ...killGateway,
  ...gatewayFaults,
  ...postgresFaults,
  diskFull,
  ...redisFaults,
  ...upstreamFaults,
  ...clientFaults,
  ...clockFaults,
  ...logFaults,
  ...commandFaults,
  ...keyFaults,
  ...raceFaults,
  ...leaseFaults,
]

/** Faults by their name, or by the name of their group. @throws for a name that is none */
export function faultsNamed(name: string): readonly Fault[] {
  const found = faults.filter((fault) => fault.name === name || fault.name.startsWith(`${name}/`))
  if (found.length === 0) throw new Error(`There is no fault ${name}: see --list.`)
  return found
}
