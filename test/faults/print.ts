/** Results as lines for a terminal. */
import type { Result } from './campaign.ts'

/** Nothing was found where nothing should be, and what was planted was caught. */
export function isGood(result: Result): boolean {
  if (result.kind === 'bug') return result.caught
  return result.kind === 'skipped' || Object.keys(result.found).length === 0
}

export function describe(result: Result): string {
  switch (result.kind) {
    case 'skipped':
      return `${result.fault.padEnd(30)} not possible here: ${result.why}`
    case 'bug': {
      const by = result.caught ? `caught by ${result.breaks}` : `NOT CAUGHT by ${result.breaks}`
      return `${`planted ${result.bug}`.padEnd(38)} ${by}`
    }
    case 'fault': {
      const { fault, runs, calls, sold, executions, events, onLease, found, seconds, findings } =
        result
      const figures = Object.entries(result.figures).map(
        ([name, value]) => `\n    ${name}: ${Math.round(value)}`,
      )
      const list = findings.map((one) => `\n    ${one.invariant} (seeds ${one.seeds}) ${one.what}`)
      const responses = Object.entries(result.responses).map(([name, times]) => `${name} ${times}`)
      const all = Object.entries(found).map(([name, times]) => `${name} ${times} times`)
      return (
        `${fault.padEnd(30)} ${runs} runs, ${calls} calls (${responses.join(', ')}), ${sold} sold (${onLease} on leases), ${executions} executed, ` +
        `${events} events, broken: ${all.join(', ') || 'nothing'}, ${seconds.toFixed(1)} s${figures.join('')}${list.join('')}`
      )
    }
    default:
      return result satisfies never
  }
}
