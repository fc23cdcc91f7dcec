/** `bun run failover [FAULT…] [options]`: strikes, compares charges with responses, and says what was found. */
import { appendFileSync, chmodSync, cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { openProgress } from '../../src/cli/progress.ts'
import { writeFailover } from '../faults/page.ts'
import { breaches, describe } from './breaches.ts'
import { document } from './document.ts'
import type { Fault } from './fault.ts'
import { faults, faultsNamed } from './faults.ts'
import { makeNetwork } from './network.ts'
import { type RunResult, runOnce } from './run.ts'
import { openScene, type Scene } from './scene.ts'
import { type SetUp, setUpNamed, setUps } from './set-ups.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'set-up': { type: 'string' },
    runs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    results: { type: 'string' },
    doc: { type: 'boolean' },
    logs: { type: 'string' },
    list: { type: 'boolean' },
    folder: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})

const usage = `usage: bun run failover [FAULT…] [options]

Three PostgreSQL 15 servers under Patroni, three members of etcd, HAProxy and two gateways, with the files of deploy/.
Strikes the cluster under load and compares charges with responses. Needs root on Debian 12, and the packages patroni,
python3-etcd, postgresql-15, etcd-server and haproxy.

  --set-up NAME   ${setUps.map(({ name }) => name).join(' or ')}; all by default
  --runs N        of each fault, instead of its own number
  --seed N        of the first run (1)
  --results FILE  adds a line of JSON for each run to this file, and leaves out runs that are in it already: what was
                  broken off goes on
  --doc           writes the runs of that file into docs/FAULTS.md
  --logs FOLDER   keeps what Patroni, PostgreSQL, etcd and HAProxy log
  --list          names the faults`

if (values.help) {
  console.log(usage)
} else if (values.list) {
  for (const { name, says } of faults) console.log(`${name.padEnd(44)} ${says}`)
} else if (values.folder === undefined) {
  throw new Error('It runs in a network of its own: bun run failover')
} else {
  await main(values.folder)
}
process.exit()

async function main(folder: string): Promise<void> {
  const chosen = values['set-up'] === undefined ? setUps : [setUpNamed(values['set-up'])]
  const results = readResults()
  // PostgreSQL's user has its data in it.
  chmodSync(folder, 0o755)
  await makeNetwork(folder)
  for (const setUp of chosen) {
    for (const fault of faultsNamed(positionals)) await strike(setUp, fault, folder, results)
  }
  if (values.doc) writeFailover(document(results, new Date().toISOString().slice(0, 10)))
}

/** All runs of a fault that are not among the results yet. */
async function strike(
  setUp: SetUp,
  fault: Fault,
  folder: string,
  results: RunResult[],
): Promise<void> {
  const first = Number(values.seed)
  const runs = Number(values.runs ?? fault.runs)
  const seeds = Array.from({ length: runs }, (_, i) => first + i)
  const missing = seeds.filter((seed) => !results.some(isRun(setUp, fault, seed)))
  if (missing.length === 0 || fault.under?.includes(setUp.name) === false) return
  for (const seeds of fault.canLoseCharges ? missing.map((seed) => [seed]) : [missing]) {
    const name = `${setUp.name}-${fault.name}-${seeds[0]}`
    await runAll(setUp, fault, seeds, join(folder, name), (result) => {
      results.push(result)
      if (values.results) appendFileSync(values.results, `${JSON.stringify(result)}\n`)
      console.log(describe(fault, result))
      if (breaches(fault, result).length > 0) process.exitCode = 1
    })
  }
}

/** Runs with these seeds on one cluster. What fails is said, and is made again the next time. */
async function runAll(
  setUp: SetUp,
  fault: Fault,
  seeds: readonly number[],
  folder: string,
  onResult: (result: RunResult) => void,
): Promise<void> {
  const progress = openProgress({ lines: true })
  let scene: Scene | undefined
  try {
    scene = await openScene(setUp, folder, fault.plant)
    for (const [done, seed] of seeds.entries()) {
      progress.show(`${setUp.name}, ${fault.name}`, seeds.length, done)
      const result = await runOnce(scene, setUp.name, fault, seed)
      progress.stop()
      onResult(result)
    }
  } catch (error) {
    progress.stop()
    console.error(`${setUp.name} ${fault.name}: ${error instanceof Error ? error.stack : error}`)
    process.exitCode = 1
  } finally {
    await scene?.close()
    if (values.logs) keepLogs(folder, join(values.logs, basename(folder)))
  }
}

function keepLogs(from: string, to: string): void {
  const logs = readdirSync(from).filter((name) => name.endsWith('.log'))
  for (const name of logs) cpSync(join(from, name), join(to, name))
}

function isRun(setUp: SetUp, fault: Fault, seed: number) {
  return (one: RunResult) =>
    one.setUp === setUp.name && one.fault === fault.name && one.seed === seed
}

function readResults(): RunResult[] {
  if (!values.results || !existsSync(values.results)) return []
  const lines = readFileSync(values.results, 'utf8').split('\n')
  return lines.filter(Boolean).map((line) => JSON.parse(line))
}
