/** `bun run faults [NAME…] [options]`: strikes, compares the books, and says what was found. */
import { parseArgs } from 'node:util'
import { openProgress } from '../../src/cli/progress.ts'
import { endRun } from '../support/run.ts'
import { bugs } from './bugs.ts'
import { bugNamed, carryOut, type Result } from './campaign.ts'
import { faults, faultsNamed } from './faults/index.ts'
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
    help: { type: 'boolean', short: 'h' },
  },
})

const usage = `usage: bun run faults [NAME…] [options]

Strikes real gateways, PostgreSQL and Redis, all started for it, and compares three books afterwards: what
callers received, what services did, what the log says. NAME is a fault or a group of faults; without any,
all faults and all planted bugs.

  --runs N      of each fault (3)        --full       200 of each kill, 20 of each other
  --seed N      of the first run         --bug NAME   plants a bug, which must be caught
  --bugs        plants all of them       --list       names faults and bugs
  --json        a line of JSON each`

if (values.help) {
  console.log(usage)
} else if (values.list) {
  for (const { name, says } of faults) console.log(`${name.padEnd(30)} ${says}`)
  for (const { name, breaks } of bugs)
    console.log(`--bug ${name.padEnd(24)} must be caught by ${breaks}`)
} else {
  process.exitCode = (await main()) ? 0 : 1
  await endRun()
}
process.exit()

async function main(): Promise<boolean> {
  const onlyBugs = values.bugs || values.bug !== undefined
  const all = positionals.length === 0
  const seed = Number(values.seed)
  const results: Result[] = []
  const progress = openProgress()
  if (!values.json) console.log(`seed ${seed}`)
  await carryOut({
    faults: all ? (onlyBugs ? [] : faults) : positionals.flatMap(faultsNamed),
    bugs: values.bug ? values.bug.map(bugNamed) : values.bugs || all ? bugs : [],
    seed,
    runs: values.full ? undefined : Number(values.runs ?? 3),
    onRun: (what, done, of) => progress.show(what, of, done),
    onResult(result) {
      progress.stop()
      results.push(result)
      process.stdout.write(`${values.json ? JSON.stringify(result) : describe(result)}\n`)
    },
  })
  return results.every(isGood)
}
