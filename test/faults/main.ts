/** `bun run faults [NAME…] [options]`: strikes, compares the records, and says what was found. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { openProgress } from '../../src/cli/progress.ts'
import { endRun } from '../support/run.ts'
import { bugs } from './bugs.ts'
import { bugNamed, execute, type Result } from './campaign.ts'
import { document } from './document.ts'
import { faults, faultsNamed } from './faults/index.ts'
import { writeFaults } from './page.ts'
import { describe, isGood } from './print.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string' },
    full: { type: 'boolean' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    bugs: { type: 'boolean' },
    bug: { type: 'string', multiple: true },
    list: { type: 'boolean' },
    json: { type: 'boolean' },
    doc: { type: 'boolean' },
    results: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})

const usage = `usage: bun run faults [NAME…] [options]

Strikes real gateways, PostgreSQL and Redis, all started for it, and compares three records afterwards: what
clients received, what upstreams did, what the log says. NAME is a fault or a group of faults; without any,
all faults and all planted bugs.

  --runs N      of each fault (3)        --full       200 of each kill, 20 of each other
  --seed N      of the first run         --bug NAME   plants a bug, which must be caught
  --bugs        plants all of them       --list       names faults and bugs
  --json        a line of JSON each      --doc        writes docs/FAULTS.md
  --results F   adds a line of JSON for each to this file, and leaves out what is in it already: what was
                broken off goes on`

/** Of one run, on two cores with nothing else to do; what a --full is told to take. */
const secondsARun = 1.7

if (values.help) {
  console.log(usage)
} else if (values.list) {
  for (const { name, says } of faults) console.log(`${name.padEnd(30)} ${says}`)
  for (const { name, breaks } of bugs)
    console.log(`--bug ${name.padEnd(24)} must be caught by ${breaks}`)
} else {
  if (process.platform !== 'linux') throw new Error('It stops and counts processes as Linux does.')
  process.exitCode = (await main()) ? 0 : 1
  await endRun()
}
process.exit()

async function main(): Promise<boolean> {
  const results = resultsSoFar()
  const isNew = (name: string) => !results.some((one) => nameOf(one) === name)
  const onlyBugs = values.bugs || values.bug !== undefined
  const all = positionals.length === 0
  const seed = Number(values.seed)
  const chosen = (all ? (onlyBugs ? [] : faults) : positionals.flatMap(faultsNamed)).filter(
    ({ name }) => isNew(name),
  )
  const planted = (values.bug ? values.bug.map(bugNamed) : values.bugs || all ? bugs : []).filter(
    ({ name }) => isNew(name),
  )
  const runs = values.full ? undefined : Number(values.runs ?? 3)
  const count = chosen.reduce((sum, fault) => sum + (runs ?? fault.runs), 0)
  if (!values.json) {
    console.log(`seed ${seed}, ${count} runs: about ${Math.ceil((count * secondsARun) / 60)} min`)
  }
  const progress = openProgress()
  await execute({
    ...{ faults: chosen, bugs: planted, seed, runs },
    onRun: (what, done, of) => progress.show(what, of, done),
    onResult(result) {
      progress.stop()
      results.push(result)
      if (values.results) appendFileSync(values.results, `${JSON.stringify(result)}\n`)
      process.stdout.write(`${values.json ? JSON.stringify(result) : describe(result)}\n`)
    },
  })
  if (values.doc) {
    writeFaults(document(results, new Date().toISOString().slice(0, 10)))
  }
  return results.every(isGood)
}

function resultsSoFar(): Result[] {
  if (!values.results || !existsSync(values.results)) return []
  const lines = readFileSync(values.results, 'utf8').split('\n')
  return lines.filter(Boolean).map((line) => JSON.parse(line))
}

function nameOf(result: Result): string {
  return result.kind === 'bug' ? result.bug : result.fault
}
