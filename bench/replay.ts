/**
 * A long log: how fast it is written by the generator, replayed, verified and exported, and with how much
 * memory; what an append costs on it, against a ledger that has only begun, taking turns; and how long the
 * statement of a key with a million charges takes.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import Table from 'cli-table3'
import { connect } from '../src/ledger/connect.ts'
import { runAppends } from './append.ts'
import { fillAccounts, fillLedger, freshDatabase } from './parts/ledger.ts'
import { memoryNow, postmasterOf, processorSeconds } from './parts/postgres-use.ts'
import { runCommand } from './parts/run-command.ts'
import { median } from './parts/statistics.ts'
import { seedLog } from './seed-log.ts'
import { benchStatement } from './statement.ts'

export interface ReplayOptions {
  readonly serverUrl: string
  readonly events: number
  readonly keys: number
  readonly seconds: number
  readonly rounds: number
}

const inFlight = 100
/** What a call and its bill need most: who has a key, and what was used by month and by day. */
const three = 'key_state,monthly_balances,daily_usage'
const benchAccounts = 500
/** Of one key: about a million of them are charges of one month. */
const eventsOfOneKey = 2_650_000

export async function benchReplay(options: ReplayOptions): Promise<void> {
  const { serverUrl, events, keys, seconds, rounds } = options
  const url = await freshDatabase(serverUrl, 'tollbook_bench_replay')
  const postmaster = await postmasterOf(serverUrl)
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-bench-'))
  const table = new Table({
    head: ['', 's', 'events/s', 'of processor s', 'backend MB', 'program MB', 'load'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
  })
  const measure = async (
    what: string,
    work: (watch: (pid: number) => void) => Promise<unknown>,
  ) => {
    console.error(`${what}…`)
    const memory = watchMemory(postmaster)
    const [startedAt, used] = [performance.now(), processorSeconds(postmaster)]
    await work(memory.watch)
    const took = (performance.now() - startedAt) / 1_000
    const now = processorSeconds(postmaster)
    const processor = used === undefined || now === undefined ? '' : (now - used).toFixed(1)
    const rate = Math.round(events / took).toLocaleString('en')
    table.push([
      what,
      took.toFixed(1),
      rate,
      processor,
      ...memory.peaks(),
      loadavg()[0]?.toFixed(1),
    ])
  }

  try {
    await measure('generate', () => seedLog(url, { events, keys }))
    const sql = connect({ url, as: 'owner', max: 1 })
    await sql.unsafe('vacuum analyze')
    await sql.end()
    await measure('replay', (watch) => runCommand(['replay'], url, watch))
    await measure('replay of three', (watch) => runCommand(['replay', three], url, watch))
    await measure('verify', (watch) => runCommand(['verify'], url, watch))
    const target = join(folder, 'events.parquet')
    const exporting = ['export', 'events', target]
    await measure('export as Parquet', (watch) => runCommand(exporting, url, watch))
    console.log(`\na log of ${events.toLocaleString('en')} events, ${keys} keys\n`)
    console.log(table.toString())
    console.log('Memory: the most in the first half of the time / in the second half.')
    console.log(`The Parquet files have ${megabytesOf(target)} MB.\n`)
    await compareAppends(serverUrl, url, seconds, rounds)
    const ofOneKey = Math.min(events, eventsOfOneKey)
    await benchStatement({ serverUrl, events: ofOneKey, rounds: Math.max(rounds, 5) })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function compareAppends(serverUrl: string, url: string, seconds: number, rounds: number) {
  const postmaster = await postmasterOf(serverUrl)
  const ledgers = {
    'a new ledger': await fillLedger(serverUrl, 'tollbook_bench_new', benchAccounts),
    'the long log': await fillAccounts(url, benchAccounts, new Date().toISOString()),
  }
  const measured = Object.entries(ledgers).map(([name, ledger]) => ({
    ...{ name, ledger, rates: [] as number[], costs: [] as number[] },
  }))
  for (let round = 0; round < rounds; round++) {
    for (const { name, ledger, rates, costs } of measured) {
      console.error(`appends on ${name}…`)
      const before = processorSeconds(postmaster) ?? Number.NaN
      const { events, eventsPerSecond } = await runAppends(ledger, inFlight, seconds)
      costs.push((((processorSeconds(postmaster) ?? Number.NaN) - before) * 1e6) / events)
      rates.push(eventsPerSecond)
    }
  }
  console.log(`append, ${inFlight} in flight, ${rounds} rounds of ${seconds} s in turns, medians`)
  for (const { name, rates, costs } of measured) {
    const rate = Math.round(median(rates)).toLocaleString('en')
    console.log(
      `  on ${name}: ${rate} events/s, ${median(costs).toFixed(0)} µs of PostgreSQL's processor time an event`,
    )
  }
}

/**
 * Remembers the most memory, in megabytes, of PostgreSQL's largest backend and of a program: this one, until
 * another one is to be watched.
 */
function watchMemory(postmaster: number) {
  const seen: { backend: number; program: number }[] = []
  let program = process.pid
  const look = () => seen.push(memoryNow(postmaster, program))
  const timer = setInterval(look, 250)
  look()
  return {
    watch: (pid: number) => {
      program = pid
      seen.length = 0
    },
    peaks: (): [string, string] => {
      clearInterval(timer)
      const half = Math.ceil(seen.length / 2)
      const most = (of: 'backend' | 'program') =>
        [seen.slice(0, half), seen.slice(half)]
          .map((part) => Math.round(Math.max(0, ...part.map((each) => each[of]))))
          .join(' / ')
      return [most('backend'), most('program')]
    },
  }
}

function megabytesOf(folder: string): number {
  const bytes = readdirSync(folder).reduce(
    (sum, name) => sum + statSync(join(folder, name)).size,
    0,
  )
  return Math.round(bytes / 2 ** 20)
}
