/** `tollbook verify`: is the log whole, and is everything else what it says? */
import { Registry } from 'prom-client'
import type { RowDifference } from '../../projector/verify/compare-slice.ts'
import { openVerifier, type Verdict, type Verifier } from '../../projector/verify/verifier.ts'
import { serveMetrics } from '../../server/metrics/serve-metrics.ts'
import { verifyMetrics } from '../../server/metrics/verify-metrics.ts'
import { command } from '../command.ts'
import { databaseUrl } from '../database.ts'
import { explain, UsageError } from '../errors.ts'
import { openLog } from '../log.ts'
import { ledgerArgs } from '../open-ledger.ts'
import { integer, positiveInteger } from '../options/option-values.ts'
import { bold, dim, formatNumber, green, json, red } from '../output.ts'
import { openProgress } from '../progress.ts'
import { shutdownSignal } from '../shutdown-signal.ts'

const args = {
  most: {
    type: 'string',
    valueHint: 'N',
    description: 'Faults, and rows of a projection, to print; the others are counted',
    default: '100',
  },
  watch: { type: 'boolean', description: 'Go on, and verify what is appended' },
  every: { type: 'string', valueHint: 'SECONDS', description: 'Between two looks', default: '10' },
  port: {
    type: 'string',
    valueHint: 'PORT',
    description: 'With --watch: serve metrics of it there, on the loopback (0 takes a free one)',
  },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Check the log event by event, and every row of every projection against it; ends with status 1 when anything differs. Gateways go on meanwhile.',
    examples: ['verify', 'verify --json', 'verify --watch --port 9465'],
  },
  args,
  async (args) => {
    const most = positiveInteger('most', args.most)
    const open = async () => openVerifier({ url: await databaseUrl(args), maxDescribed: most })
    if (args.watch) return watch(open, args)
    if (args.port !== undefined) throw new UsageError('--port goes with --watch.')
    const progress = openProgress({ lines: !args.json })
    const verifier = await open()
    try {
      const verdict = await verifier.run(progress.show)
      progress.stop()
      if (args.json) json(verdict)
      else print(verdict)
      if (!verdict.sound) process.exitCode = 1
    } finally {
      progress.stop()
      await verifier.close()
    }
  },
)

/** Looks again and again until it is told to stop. A connection that was lost begins from the start of the log. */
async function watch(
  open: () => Promise<Verifier>,
  args: { readonly every: string; readonly port?: string | undefined },
): Promise<void> {
  const everyMs = positiveInteger('every', args.every) * 1_000
  const log = openLog('info')
  const registry = new Registry()
  const report = verifyMetrics(registry)
  const server =
    args.port === undefined
      ? undefined
      : serveMetrics({ hostname: '127.0.0.1', port: integer('--port', args.port, 0) }, () =>
          registry.metrics(),
        )
  log.info({ metricsUrl: server?.url }, 'verifying')
  let stopped = false
  const told = shutdownSignal().then(() => {
    stopped = true
  })
  let verifier: Verifier | undefined
  let status = 0
  while (!stopped) {
    try {
      verifier ??= await open()
      const verdict = await verifier.run()
      report(verdict, new Date())
      status = verdict.sound ? 0 : 1
      if (verdict.sound) log.info(positionsOf(verdict), 'as the log says')
      else log.error({ ...positionsOf(verdict), faults: linesOf(verdict) }, 'the ledger differs')
    } catch (error) {
      log.error({ error: explain(error) }, 'could not verify; trying again from the start')
      await verifier?.close().catch(() => {})
      verifier = undefined
    }
    await Promise.race([told, Bun.sleep(everyMs)])
  }
  await verifier?.close()
  await server?.stop()
  process.exit(status)
}

function positionsOf({ log }: Verdict): { upTo: string[] } {
  return { upTo: log.map(({ shard, upTo }) => `${shard}-${upTo}`) }
}

function print(verdict: Verdict): void {
  for (const line of linesOf(verdict)) console.log(line)
  for (const { shard, upTo, faulty } of verdict.log) {
    console.log(
      `${mark(faulty)}  log, up to ${shard}-${upTo}: ${said(faulty, 'fault', upTo, 'event')}`,
    )
  }
  for (const { projection, rows, differing, failure } of verdict.projections) {
    if (failure !== undefined) continue // It has its line among what is wrong.
    console.log(
      `${mark(differing)}  ${projection}: ${said(differing, 'differing row', rows, 'row')}`,
    )
  }
  console.log(verdict.sound ? bold('The ledger is what its log says.') : bold(red('It is not.')))
}

function mark(faults: number): string {
  return faults === 0 ? green('ok      ') : red('differs ')
}

function said(faults: number, fault: string, all: number, each: string): string {
  const of = dim(`${formatNumber(all)} ${each}${all === 1 ? '' : 's'}`)
  return faults === 0 ? of : `${formatNumber(faults)} ${fault}${faults === 1 ? '' : 's'}, ${of}`
}

/** What is wrong, a line each; what was only counted has a line of its own. */
function linesOf(verdict: Verdict): string[] {
  return [
    ...verdict.log.flatMap(({ faults, faulty }) => [
      ...faults.map(({ shard, position, fault }) => `${shard}-${position}: ${fault}`),
      ...more(faulty - faults.length),
    ]),
    ...verdict.projections.flatMap(({ projection, differences, differing, failure }) => [
      ...(failure === undefined ? [] : [`${projection}: cannot be made from this log: ${failure}`]),
      ...differences.map(lineOf),
      ...more(differing - differences.length),
    ]),
  ]
}

function more(count: number): string[] {
  return count > 0 ? [`… and ${formatNumber(count)} more`] : []
}

function lineOf({ table, key, columns, only }: RowDifference): string {
  const row = `${table} (${Object.entries(key)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')})`
  if (only === 'table') return `${row}: the log knows no such row`
  if (only === 'log') return `${row}: the row is missing`
  const differing = Object.entries(columns).map(
    ([name, { table, log }]) =>
      `${name} is ${JSON.stringify(table)}, the log says ${JSON.stringify(log)}`,
  )
  return `${row}: ${differing.join('; ')}`
}
