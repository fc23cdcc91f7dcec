/**
 * A long log: how fast it is written by the generator, rebuilt and verified, with how much memory; and what
 * an append costs on it, against a book that has only begun, taking turns.
 */
import Table from 'cli-table3'
import { projections } from '../projections/index.ts'
import { connect } from '../src/ledger/connect.ts'
import { rebuildAll } from '../src/projector/rebuild.ts'
import { openVerifier } from '../src/projector/verify.ts'
import { runAppends } from './append.ts'
import { median } from './calls.ts'
import { fillAccounts, fillBook, freshDatabase } from './parts/book.ts'
import { memoryNow, processorSeconds } from './parts/postgres-use.ts'
import { seedLog } from './seed-log.ts'

export interface ReplayOptions {
  readonly serverUrl: string
  readonly events: number
  readonly keys: number
  readonly seconds: number
  readonly rounds: number
}

const inFlight = 100
const benchAccounts = 500

export async function benchReplay(options: ReplayOptions): Promise<void> {
  const { serverUrl, events, keys, seconds, rounds } = options
  const url = await freshDatabase(serverUrl, 'tollbook_bench_replay')
  const postmaster = await postmasterOf(serverUrl)
  const table = new Table({
    head: ['', 's', 'events/s', 'of processor s', 'backend MB', 'own MB'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
  })
  const measure = async (what: string, work: () => Promise<unknown>) => {
    console.error(`${what}…`)
    const peaks = watchMemory(postmaster)
    const [startedAt, used] = [performance.now(), processorSeconds(postmaster)]
    await work()
    const took = (performance.now() - startedAt) / 1_000
    const now = processorSeconds(postmaster)
    const processor = used === undefined || now === undefined ? '' : (now - used).toFixed(1)
    const rate = Math.round(events / took).toLocaleString('en')
    table.push([what, took.toFixed(1), rate, processor, ...peaks()])
  }

  await measure('generate', () => seedLog(url, { events, keys }))
  const sql = connect({ url, as: 'owner', max: 1 })
  await sql.unsafe('vacuum analyze')
  await sql.end()
  for (const projection of projections) {
    await measure(`rebuild ${projection.name}`, () => rebuildAll([projection], { url }))
  }
  await measure('rebuild all, two at a time', () => rebuildAll(projections, { url }))
  await measure('verify', () => verify(url))
  console.log(`\na log of ${events.toLocaleString('en')} events, ${keys} keys\n`)
  console.log(table.toString())
  console.log('Memory: the most in the first half of the time / in the second half.\n')
  await compareAppends(serverUrl, url, seconds, rounds)
}

async function verify(url: string): Promise<void> {
  const verifier = await openVerifier({ url, most: 10 })
  const verdict = await verifier.run()
  await verifier.close()
  if (!verdict.sound) throw new Error(`not sound: ${JSON.stringify(verdict)}`)
}

async function compareAppends(serverUrl: string, url: string, seconds: number, rounds: number) {
  const books = {
    'a new book': await fillBook(serverUrl, 'tollbook_bench_new', benchAccounts),
    'the long log': await fillAccounts(url, benchAccounts, new Date().toISOString()),
  }
  const rates = new Map(Object.keys(books).map((name) => [name, [] as number[]]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, book] of Object.entries(books)) {
      console.error(`appends on ${name}…`)
      rates.get(name)?.push((await runAppends(book, inFlight, seconds)).eventsPerSecond)
    }
  }
  console.log(`append, ${inFlight} in flight, ${rounds} rounds of ${seconds} s in turns, medians`)
  for (const [name, measured] of rates) {
    console.log(`  on ${name}: ${Math.round(median(measured)).toLocaleString('en')} events/s`)
  }
}

/** The most memory, in megabytes, of the first and of the second half of the time until it is asked for. */
function watchMemory(postmaster: number): () => [string, string] {
  const seen: { backend: number; own: number }[] = []
  const look = () => seen.push(memoryNow(postmaster))
  const timer = setInterval(look, 250)
  look()
  return () => {
    clearInterval(timer)
    const half = Math.ceil(seen.length / 2)
    const most = (of: 'backend' | 'own') =>
      [seen.slice(0, half), seen.slice(half)]
        .map((part) => Math.round(Math.max(0, ...part.map((each) => each[of]))))
        .join(' / ')
    return [most('backend'), most('own')]
  }
}

async function postmasterOf(serverUrl: string): Promise<number> {
  const sql = connect({ url: serverUrl, as: 'owner', max: 1 })
  try {
    const [row] = await sql.unsafe<[{ pid: number }]>(
      `select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::integer as pid`,
    )
    return row.pid
  } finally {
    await sql.end()
  }
}
