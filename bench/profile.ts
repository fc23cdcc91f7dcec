/**
 * Where the processors are while calls are charged: samples of the gateway and of PostgreSQL by perf, by thread
 * and program, and PostgreSQL's by function. What the runtime's own code does is not distinguished: it has no names.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBenchGateway } from './parts/gateway.ts'
import { copyOf } from './parts/ledger.ts'
import { callFromEach, check, keysOf, load, type Target, warmUp } from './parts/measure.ts'
import { familyOf } from './parts/processor-time.ts'
import { search } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'
import type { Bench, Family } from './suite/bench.ts'

const connections = 128
const samplesPerSecond = 999
const leastPercent = 1

export const profile: Family = {
  name: 'profile',
  summary: 'where the samples of gateway and PostgreSQL fall under load; needs perf',
  run: measureFamily,
}

export const profileRows = {
  threads: 'by thread and program',
  postgres: 'PostgreSQL, by function',
} as const

async function measureFamily(bench: Bench): Promise<void> {
  if (!Bun.which('perf')) throw new Error('perf is not on PATH (package linux-perf)')
  const ledger = await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_profile')
  await using upstream = await startUpstream()
  await using gateway = await startBenchGateway({
    ...{ databaseUrl: ledger.url, redisUrl: bench.redis.url, upstream: upstream.url },
  })
  const target: Target = {
    ...{ ...gateway, name: 'Tollbook', keys: keysOf(ledger.keys), shape: search },
  }
  await callFromEach(target)
  await warmUp(target, connections, bench)
  const folder = await mkdtemp(join(tmpdir(), 'tollbook-perf-'))
  try {
    const file = join(folder, 'perf.data')
    const pids = [gateway.pid, bench.postgresPid ?? gateway.pid].flatMap((pid) =>
      familyOf(pid).map(({ id }) => id),
    )
    const [measured] = await Promise.all([
      load(target, connections, bench.seconds + 1),
      sample(pids, bench.seconds, file),
    ])
    check(target, measured)
    const shares = {
      [profileRows.threads]: await report(file, ['--sort=comm,dso']),
      [profileRows.postgres]: await report(file, ['--comms=postgres', '--sort=symbol']),
    }
    for (const [row, symbols] of Object.entries(shares)) {
      for (const [contender, percent] of symbols) {
        bench.record({ family: profile.name, row, contender, round: 1, figures: { percent } })
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function sample(pids: readonly number[], seconds: number, file: string): Promise<void> {
  const of = [`--freq=${samplesPerSecond}`, `--pid=${pids.join(',')}`, `--output=${file}`]
  const child = Bun.spawn(['perf', 'record', '--quiet', ...of, '--', 'sleep', `${seconds}`], {
    ...{ stdout: 'ignore', stderr: 'pipe' },
  })
  const complaint = await new Response(child.stderr).text()
  if ((await child.exited) !== 0) throw new Error(`perf failed: ${complaint}`)
}

/** What has at least a percent of all samples, and how much; the largest first. */
async function report(file: string, options: readonly string[]) {
  const child = Bun.spawn(['perf', 'report', `--input=${file}`, '--stdio', ...options], {
    ...{ stdout: 'pipe', stderr: 'ignore' },
  })
  const shares = new Map<string, number>()
  for (const line of (await new Response(child.stdout).text()).split('\n')) {
    const [, percent, symbol] = /^\s+([\d.]+)%\s+(.*?)[\s-]*$/.exec(line) ?? []
    if (symbol === undefined || Number(percent) < leastPercent) continue
    // A process that compiles at run time names its code after itself.
    const name = symbol.replace(/\[JIT\] tid \d+/, 'compiled JavaScript').replace(/\s+/g, ' ')
    shares.set(name, (shares.get(name) ?? 0) + Number(percent))
  }
  return shares
}
