/** Whether a run was as promised. */
import type { Fault } from './fault.ts'
import type { RunResult } from './run.ts'

/** What was not as promised, in sentences. */
export function breaches(fault: Fault, result: RunResult): string[] {
  const { lost, doubled, diverged, findings, soldInOutage } = result
  const { sellsWithinSeconds = Infinity, sellsAfterChoiceWithinSeconds = Infinity } = fault
  const longest = longestGapMs(result) / 1_000
  const afterChoice = (result.afterChoiceMs ?? 0) / 1_000
  const isStopped = fault.canLoseCharges && diverged
  const unserved = fault.servesEveryCall ? notOk(result) : 0
  return [
    ...(lost > 0 && !isStopped ? [`${lost} responses have no charge`] : []),
    ...(diverged && !fault.canLoseCharges ? ['the gateways say that the log is another one'] : []),
    ...(doubled > 0 ? [`${doubled} responses have more than one charge`] : []),
    ...(soldInOutage > 0 ? [`${soldInOutage} calls were sold while nothing may be`] : []),
    ...(unserved > 0 ? [`${unserved} calls were not served`] : []),
    ...(longest > sellsWithinSeconds
      ? [
          `a gateway sold nothing for ${longest.toFixed(1)} s: ${sellsWithinSeconds} s at most are promised`,
        ]
      : []),
    ...(afterChoice > sellsAfterChoiceWithinSeconds
      ? [
          `it took ${afterChoice.toFixed(1)} s from the choice of a leader: ${sellsAfterChoiceWithinSeconds} s at most are promised`,
        ]
      : []),
    ...findings,
  ]
}

/** How many calls got no response, or another than 200. */
export function notOk({ responses }: RunResult): number {
  const others = Object.entries(responses).filter(([status]) => status !== '200')
  return others.reduce((sum, [, count]) => sum + count, 0)
}

/** Of the gateway that took longer. */
function longestGapMs({ gapMs }: RunResult): number {
  return Math.max(...Object.values(gapMs))
}

/** A run in one line, and what was not as promised in lines of their own. */
export function describe(fault: Fault, result: RunResult): string {
  const { setUp, seed, sold, responses, lost, doubled, gapMs, diverged, seconds } = result
  const gaps = Object.entries(gapMs).map(([way, ms]) => `${way} ${(ms / 1_000).toFixed(1)} s`)
  const statuses = Object.entries(responses).map(([status, count]) => `${status} ${count}`)
  return [
    `${setUp} ${fault.name} ${seed}: ${sold} sold (${statuses.join(', ')}), lost ${lost}, charged twice ${doubled}${diverged ? ', stopped by divergence' : ''}, ` +
      `longest without a sale: ${gaps.join(', ')}; ${seconds.toFixed(0)} s`,
    ...breaches(fault, result).map((breach) => `  ${breach}`),
  ].join('\n')
}
