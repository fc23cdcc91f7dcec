/** What happened to the log itself. */
import type { LedgerState } from './ledger-state.ts'
import type { RareEvent } from './rare-events.ts'

export function followLedger(state: LedgerState, event: RareEvent): string[] {
  const { type, position, payload } = event
  switch (type) {
    case 'LogRestored':
      return payload.lostFrom === position ? [] : ['what was lost stood from its own position on']
    case 'ProducerFenced': {
      const faults = []
      if (state.fenced.has(payload.instance)) faults.push('its gateway was fenced already')
      if (payload.deliveredUpTo >= position)
        faults.push('it says that later charges were delivered')
      state.fenced.set(payload.instance, position)
      return faults
    }
    default:
      return []
  }
}
