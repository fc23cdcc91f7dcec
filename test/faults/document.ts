/** The first part of docs/FAULTS.md: what was run, under which seeds, and what was found. Written here, never by hand. */

import { bugs } from './bugs.ts'
import type { Result } from './campaign.ts'
import { type Figures, worst } from './fault.ts'
import { faults } from './faults/index.ts'
import { table } from './page.ts'
import { invariants } from './records.ts'

type FaultResult = Extract<Result, { kind: 'fault' }>

export function document(results: readonly Result[], writtenOn: string): string {
  const ran = results.filter((result) => result.kind === 'fault')
  return `# Faults

Written by \`bun run faults --doc\` on ${writtenOn}; the figures are of that run and its machine.

Two gateways, with a third standing by, sell ten kinds of call to ten clients while a fault strikes at a random
instant. Each gateway is a process of its own, with its own line to a real PostgreSQL, beside a real Redis. Clients, upstreams and the log
each keep a record of the same calls, by request id. When all is over, the three are compared:

${Object.entries(invariants)
  .map(([name, says]) => `- **${name}**: ${says}.`)
  .join('\n')}

\`bun run faults NAME --runs 1 --seed N\` strikes once, as seed N decides: which gateway, which calls, at which instant. The
machine decides the rest. \`bun run faults --full --doc\` writes this page; a short version runs with the tests.

## What was run

${faultTable(results)}

${sum(ran)}

## What clients wait for

The worst of all runs, in milliseconds unless it says otherwise. A call waits for PostgreSQL for five seconds; an upstream may take two here.

${figureTable(ran)}

## Bugs that were planted

Each breaks the code on purpose, in gateways of the harness alone, and is caught by the invariant that was named for it beforehand.

${bugTable(results)}
`
}

function faultTable(results: readonly Result[]): string {
  const rows = faults.flatMap(({ name, says }) => {
    const result = results.find((one) => one.kind !== 'bug' && one.fault === name)
    if (!result || result.kind === 'bug') return []
    if (result.kind === 'skipped') return [[`\`${name}\``, says, '–', '', '', '', result.why]]
    const { runs, seed, calls, sold, executions, found } = result
    const broken = Object.entries(found).map(([invariant, times]) => `${invariant} ${times} times`)
    return [
      [
        ...[`\`${name}\``, says, `${runs}`, `${seed}…${seed + runs - 1}`],
        ...[`${calls}`, `${sold} / ${executions}`, broken.join(', ') || 'nothing'],
      ],
    ]
  })
  return table(
    ['fault', 'what happens', 'runs', 'seeds', 'calls', 'sold / executed', 'broken'],
    rows,
  )
}

function sum(ran: readonly FaultResult[]): string {
  const total = (of: (result: FaultResult) => number) => ran.reduce((all, one) => all + of(one), 0)
  const minutes = Math.round(total(({ seconds }) => seconds) / 60)
  return `Together ${total(({ runs }) => runs)} runs, ${total(({ calls }) => calls)} calls, ${total(
    ({ events }) => events,
  )} events, in ${minutes} minutes.`
}

function figureTable(ran: readonly FaultResult[]): string {
  const rows = ran.flatMap(({ fault, figures }) =>
    Object.entries(worst([figures as Figures])).map(([name, value]) => [
      ...[`\`${fault}\``, name, `${Math.round(value)}`],
    ]),
  )
  return table(['fault', 'what', 'worst'], rows)
}

function bugTable(results: readonly Result[]): string {
  const rows = bugs.flatMap(({ name, says, fault }) => {
    const result = results.find((one) => one.kind === 'bug' && one.bug === name)
    if (result?.kind !== 'bug') return []
    const { caught, breaks, ran } = result
    const times = `${breaks}, ${ran.found[breaks] ?? 0} times`
    return [[`\`${name}\``, says, `\`${fault}\`, ${ran.runs} runs`, caught ? times : '**no**']]
  })
  return table(['bug', 'what is wrong', 'under', 'caught by'], rows)
}
