/** The part of docs/FAULTS.md about failovers, of the runs that were kept. Written here, never by hand. */
import { failoverHeading, table } from '../faults/page.ts'
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

*Without a sale* is the longest time from the fault on in which that gateway sold nothing (where nothing can be sold, from when something is
back), and *after the choice* how long it took from when etcd named another leader until both gateways had sold: in seconds, median and
worst of the runs.

${setUps.flatMap((setUp) => section(setUp, results)).join('\n\n')}
`
}

function section(setUp: SetUp, results: readonly RunResult[]): string[] {
  const ran = faults.flatMap((fault): [Fault, readonly RunResult[]][] => {
    const runs = results.filter((one) => one.setUp === setUp.name && one.fault === fault.name)
    return runs.length === 0 ? [] : [[fault, runs]]
  })
  const [losing, others] = [true, undefined].map((loses) =>
    ran.filter(([fault]) => fault.canLoseCharges === loses),
  ) as [typeof ran, typeof ran]
  if (ran.length === 0) return []
  return [
    `### ${setUp.name}\n\n\`deploy/patroni/${setUp.file}\`: ${setUp.says}.`,
    ...(others.length > 0 ? [keptTable(others)] : []),
    ...(losing.length > 0 ? [losingIntroduction, losingTable(losing)] : []),
  ]
}

/** Of faults that lose no charge. */
function keptTable(ran: readonly (readonly [Fault, readonly RunResult[]])[]): string {
  const gaps = ways.map((way) => `without a sale: ${way}`)
  const head = ['fault', 'what happens', 'runs', 'sold', ...gaps, 'promised', 'after the choice']
  return table(
    [...head, 'other than 200', 'lost', 'twice', 'not as promised'],
    ran.map(([fault, runs]) => {
      const broken = runs.filter((run) => breaches(fault, run).length > 0)
      const choices = runs.flatMap(({ afterChoiceMs }) => afterChoiceMs ?? [])
      return [
        ...[`\`${fault.name}\``, fault.says, `${runs.length}`, sum(runs, ({ sold }) => sold)],
        ...ways.map((way) => medianAndWorst(runs.map(({ gapMs }) => gapMs[way] ?? 0))),
        ...[`${fault.sellsWithinSeconds}`, choices.length > 0 ? medianAndWorst(choices) : '–'],
        ...[sum(runs, notOk), sum(runs, ({ lost }) => lost), sum(runs, ({ doubled }) => doubled)],
        broken.length === 0 ? 'nothing' : `${broken.length} runs`,
      ]
    }),
  )
}

const losingIntroduction = `Acknowledged charges can be lost by what follows, and nothing can bring them back. What is promised is that the
gateways notice it: both say \`log_diverged\`, and from then on nothing is sold.`

function losingTable(ran: readonly (readonly [Fault, readonly RunResult[]])[]): string {
  return table(
    [
      'fault',
      'what happens',
      'runs',
      'sold',
      'lost',
      'runs that lost',
      'of these, stopped',
      'not as promised',
    ],
    ran.map(([fault, runs]) => {
      const losing = runs.filter(({ lost }) => lost > 0)
      const broken = runs.filter((run) => breaches(fault, run).length > 0)
      return [
        ...[`\`${fault.name}\``, fault.says, `${runs.length}`, sum(runs, ({ sold }) => sold)],
        ...[sum(runs, ({ lost }) => lost), `${losing.length}`],
        `${losing.filter(({ diverged }) => diverged).length}`,
        broken.length === 0 ? 'nothing' : `${broken.length} runs`,
      ]
    }),
  )
}

function sum(runs: readonly RunResult[], of: (run: RunResult) => number): string {
  return `${runs.reduce((all, run) => all + of(run), 0)}`
}

/** In seconds. */
function medianAndWorst(ms: readonly number[]): string {
  const sorted = ms.toSorted((a, b) => a - b)
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
  return [median, sorted.at(-1) ?? 0].map((one) => (one / 1_000).toFixed(1)).join(' / ')
}
