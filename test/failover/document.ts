/** The part of docs/FAULTS.md about failovers, of the runs that were kept. Written here, never by hand. */
import { failoverHeading } from '../faults/page.ts'
import { breaches, notOk } from './breaches.ts'
import type { Fault } from './fault.ts'
import { faults } from './faults.ts'
import type { RunResult } from './run.ts'
import { ways } from './scene.ts'
import { type SetUp, setUps } from './set-ups.ts'

export function document(results: readonly RunResult[], writtenOn: string): string {
  return `${failoverHeading}

Written by \`bun run failover --doc\` on ${writtenOn}; the figures are of that machine. Three PostgreSQL 15 servers under Patroni
3.0.2, three members of etcd 3.4 and HAProxy 2.6, all from Debian 12 and with the files of \`deploy/\`, each PostgreSQL server in a
network namespace of its own. Of two gateways one reaches the leader through HAProxy; the other has the names of all three servers in
\`DATABASE_URL\`. Eight clients call them while the fault strikes, and go on until the cluster is whole again and a thousand calls or
more are sold in each run. Then each whole response is looked for in the log: *lost* have no charge, *twice* have several.

*Without a sale* is the longest time from the fault on in which that gateway sold nothing, in seconds: median and worst of the runs.

${setUps.flatMap((setUp) => section(setUp, results)).join('\n\n')}
`
}

function section(setUp: SetUp, results: readonly RunResult[]): string[] {
  const rows = faults.flatMap((fault) => {
    const runs = results.filter((one) => one.setUp === setUp.name && one.fault === fault.name)
    return runs.length === 0 ? [] : [row(fault, runs)]
  })
  const head = [
    'fault',
    'what happens',
    'runs',
    'sold',
    ...ways.map((way) => `without a sale: ${way}`),
  ]
  if (rows.length === 0) return []
  return [
    `### ${setUp.name}

\`deploy/patroni/${setUp.file}\`: ${setUp.says}.

${table([...head, 'promised', 'after the choice', 'other than 200', 'lost', 'twice', 'not as promised'], rows)}`,
  ]
}

function row(fault: Fault, runs: readonly RunResult[]): string[] {
  const sum = (of: (run: RunResult) => number) => `${runs.reduce((all, run) => all + of(run), 0)}`
  const broken = runs.filter((run) => breaches(fault, run).length > 0)
  const choices = runs.flatMap(({ afterChoiceMs }) => afterChoiceMs ?? [])
  return [
    ...[`\`${fault.name}\``, fault.says, `${runs.length}`, sum(({ sold }) => sold)],
    ...ways.map((way) => medianAndWorst(runs.map(({ gapMs }) => gapMs[way] ?? 0))),
    ...[`${fault.sellsWithinSeconds ?? '–'}`, choices.length > 0 ? medianAndWorst(choices) : '–'],
    sum(notOk),
    ...[sum(({ lost }) => lost), sum(({ doubled }) => doubled)],
    broken.length === 0 ? 'nothing' : `${broken.length} runs`,
  ]
}

/** In seconds. */
function medianAndWorst(ms: readonly number[]): string {
  const sorted = ms.toSorted((a, b) => a - b)
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
  return [median, sorted.at(-1) ?? 0].map((one) => (one / 1_000).toFixed(1)).join(' / ')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
