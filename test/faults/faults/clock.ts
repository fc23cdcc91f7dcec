/** Clocks that are moved: the ledger's, and one gateway's. */
import type { Fault } from '../fault.ts'

const anHourMs = 3_600_000
/** Each of the gateways looks for overdue holds every two seconds; less than an upstream may take. */
const expiresWithinMs = 1_700

export const clockFaults: readonly Fault[] = [
  {
    name: 'clock/ledger-forward',
    says: 'the ledger’s clock is moved an hour forward while upstreams work: holds expire under them',
    runs: 20,
    async strike({ clock, upstream }, load) {
      const expired = Bun.sleep(expiresWithinMs)
      upstream.received = () => expired
      await clock.move(anHourMs)
      await expired
      upstream.received = () => {}
      await load.calls(20)
    },
  },
  {
    name: 'clock/ledger-behind',
    says: 'the ledger’s clock is moved an hour back, and calls go on',
    runs: 20,
    async strike({ clock }, load) {
      await clock.move(-anHourMs)
      await load.calls(40)
    },
  },
  {
    name: 'clock/gateway',
    says: 'one gateway’s clock is moved an hour forward, then an hour back, then right',
    runs: 20,
    async strike({ fleet }, load, random) {
      const gateway = random.pick(fleet.active)
      for (let moves = 0; moves < 3; moves++) {
        gateway.moveClock()
        await load.calls(15)
      }
    },
  },
]
