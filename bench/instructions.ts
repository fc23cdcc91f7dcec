/**
 * Instructions that PostgreSQL takes for an appended event, counted by valgrind: a figure that says the same however busy the
 * machine is, so that two checkouts, each with its own run of this, can be compared to a part of a hundred.
 *
 * A script of appends is given to PostgreSQL in single-user mode, once with few calls and once with more. What the longer one takes
 * beyond the shorter is the calls'.
 */
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Table from 'cli-table3'
import { appendStatement, packBatch } from '../src/ledger/append/batch.ts'
import type { CallCommand } from '../src/ledger/append/call-commands.ts'
import { connect } from '../src/ledger/connect.ts'
import { startEmbeddedPostgres } from '../src/postgres/embedded.ts'
import { serverFolder } from '../src/postgres/server-folder.ts'
import { type BenchLedger, fillLedger } from './parts/ledger.ts'

interface Row {
  readonly name: string
  readonly commands: number
  readonly accounts: number
  readonly batches: { readonly few: number; readonly more: number }
}

const rows: readonly Row[] = [
  { name: 'one at a time, one account', commands: 1, accounts: 1, batches: { few: 15, more: 75 } },
  {
    name: 'batches of 100, 20 accounts',
    commands: 100,
    accounts: 20,
    batches: { few: 3, more: 9 },
  },
]
const database = 'tollbook_bench_instructions'

export async function benchInstructions(): Promise<void> {
  if (!Bun.which('valgrind')) throw new Error('valgrind is not on PATH')
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-bench-'))
  chmodSync(folder, 0o711)
  try {
    const dataDir = join(folder, 'postgres')
    const { ledger, producer } = await fill(dataDir)
    const count = (script: string) => countInstructions(dataDir, join(folder, 'run'), script)
    const readingOf = async (batches: number) => count(readings(batches))
    const reading = ((await readingOf(100)) - (await readingOf(20))) / 80
    const table = new Table({
      head: ['an event takes, in a batch', 'instructions'],
      style: { head: [], border: [] },
      colAligns: ['left', 'right'],
    })
    for (const row of rows) {
      console.error(`${row.name}…`)
      const { few, more } = row.batches
      const taken =
        (await count(appends(ledger, producer, row, more))) -
        (await count(appends(ledger, producer, row, few)))
      const ofBatch = taken / (more - few) / 2 - reading
      table.push([row.name, Math.round(ofBatch / row.commands).toLocaleString('en')])
    }
    console.log(table.toString())
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A ledger with a producer, and functions that say what the producer saw last. */
async function fill(dataDir: string): Promise<{ ledger: BenchLedger; producer: string }> {
  const server = await startEmbeddedPostgres({ dataDir })
  try {
    const ledger = await fillLedger(server.url, database, Math.max(...rows.map((r) => r.accounts)))
    const producer = crypto.randomUUID()
    const sql = connect({ url: ledger.url, as: 'owner', max: 1 })
    await sql.unsafe(`select open_producer_v1(0::smallint, '${producer}', 'bench', now(), null)`)
    for (const [name, type, value] of [
      ['seen_position', 'bigint', 'position'],
      ['seen_hash', 'text', `encode(event_hash, 'hex')`],
    ]) {
      await sql.unsafe(`create function ${name}() returns ${type} language sql as
        $$ select ${value} from tollbook.producers where producer = '${producer}' $$`)
    }
    await sql.end()
    return { ledger, producer }
  } finally {
    await server.stop()
  }
}

const beginning = [
  'set search_path to tollbook, pg_temp',
  `set timezone to 'UTC'`,
  'set plan_cache_mode to force_generic_plan',
]

/** So many batches of holds, and after each a batch of their settlements. */
function appends(ledger: BenchLedger, producer: string, row: Row, batches: number): string {
  let sequence = 0
  const send = (commands: readonly CallCommand[]) => {
    sequence++
    const columns = packBatch(commands)
      .map((text) => (text === null ? 'null' : quoted(text)))
      .join(', ')
    return `execute append('0', '${producer}', '${sequence}', '${sequence}', '1', seen_position(), seen_hash(), clock_timestamp(), '0', null, ${columns})`
  }
  const pairs = Array.from({ length: batches }, () => {
    const calls = Array.from({ length: row.commands }, (_, n) => callOf(ledger, n % row.accounts))
    return [send(calls.map(holdOf)), send(calls.map(settlementOf))]
  })
  const prepared = `prepare append as ${appendStatement.replace(/\s*\n\s*/g, ' ')}`
  return [...beginning, prepared, ...pairs.flat(), ''].join('\n')
}

/** What a script asks besides, for each of so many batches. */
function readings(batches: number): string {
  const read = Array.from({ length: batches }, () => 'execute read(seen_position(), seen_hash())')
  return [...beginning, 'prepare read as select $1::bigint, $2::text', ...read, ''].join('\n')
}

function callOf({ keys, tariff }: BenchLedger, n: number) {
  const { accountId, keyId } = keys[n] as BenchLedger['keys'][number]
  const mode = 'live' as const
  return {
    ...{ requestId: Bun.randomUUIDv7(), accountId, keyId, mode, endpoint: 'search' },
    ...{ tariff, actor: `key:${keyId}`, credits: 1, quantity: 1 },
  }
}

type CallToAppend = ReturnType<typeof callOf>

const holdOf = (call: CallToAppend): CallCommand => ({
  ...{ ...call, kind: 'hold', keyVersion: 1, accountVersion: 2 },
  ...{ previousSecret: false, holdSeconds: 60 },
})
const settlementOf = (call: CallToAppend): CallCommand => ({
  ...{ ...call, kind: 'settle', status: 200, latencyMs: 12 },
})

function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\n', '\\n')
  return `E'${escaped}'`
}

/** Runs a script on a copy of the data. Runs of the same script differ by less than a thousandth. */
async function countInstructions(dataDir: string, copy: string, script: string): Promise<number> {
  const { path, user } = serverFolder(dataDir)
  const program = readdirSync(path).find((name) => name.startsWith('program-')) as string
  rmSync(copy, { recursive: true, force: true })
  cpSync(join(path, 'cluster'), copy, { recursive: true, preserveTimestamps: true })
  if (user.uid !== undefined) await Bun.$`chown -R ${user.uid}:${user.gid} ${copy}`.quiet()
  const child = Bun.spawn(
    [
      ...['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null'],
      ...[join(path, program, 'bin/postgres'), '--single', '-D', copy],
      ...['-c', 'fsync=off', '-c', 'jit=off', database],
    ],
    { stdin: new Blob([script]), stdout: 'pipe', stderr: 'pipe', ...user },
  )
  const [said, reported] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  const collected = /Collected : (\d+)/.exec(reported)?.[1]
  const refused = /ERROR:.*/.exec(reported)?.[0] ?? /outcome = "(?!appended").*"/.exec(said)?.[0]
  if (collected === undefined || refused) throw new Error(refused ?? reported.slice(-500))
  return Number(collected)
}
