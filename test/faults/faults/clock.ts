/** Clocks that are moved: the ledger's, and one gateway's. */
import { until } from '../../support/until.ts'
import { expectThat, type Fault } from '../fault.ts'
import type { ClientCall } from '../records.ts'

const anHourMs = 3_600_000
/** A gateway asks the ledger again after a second at the latest. */
const resumesWithinMs = 10_000

export const clockFaults: readonly Fault[] = [
  {
    name: 'clock/ledger-forward',
    says: 'the ledger’s clock is an hour ahead for a while: nothing is sold meanwhile, and sales resume unaided',
    runs: 20,
    async strike({ clock, calls, ledger }, load) {
      await clock.move(anHourMs)
      const movedAtMs = performance.now()
      const isRefused = (call: ClientCall) =>
        call.sentAtMs > movedAtMs && call.code === 'ledger_unavailable'
      await until(() => calls.filter(isRefused).length >= 3, 30_000)
      const size = await ledger.size()
      await until(() => calls.filter(isRefused).length >= 8, 30_000)
      expectThat((await ledger.size()) === size, 'nothing is written while the clocks disagree')
      await clock.move(-anHourMs)
      const rightAtMs = performance.now()
      const isSold = ({ sentAtMs, worth = 0 }: ClientCall) => sentAtMs > rightAtMs && worth > 0
      await until(() => calls.some(isSold), resumesWithinMs)
      const resumedAtMs = performance.now()
      await load.calls(20)
      return { 'until sales resume': resumedAtMs - rightAtMs }
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
