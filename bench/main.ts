/** `bun run bench [calls|cost|append|keys|slow-clients|statement|replay] [options]`: figures, never a test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../src/postgres/embedded.ts'
import { benchAppend } from './append.ts'
import { benchCalls } from './calls.ts'
import { benchCost } from './cost.ts'
import { benchKeys } from './keys.ts'
import { benchReplay } from './replay.ts'
import { benchSlowClients } from './slow-clients.ts'
import { benchStatement } from './statement.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    connections: { type: 'string', default: '128' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    accounts: { type: 'string', default: '10000' },
    keys: { type: 'string', default: '10000' },
    requests: { type: 'string', default: '300' },
    events: { type: 'string', default: '1000000' },
    against: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
})
const known = ['calls', 'cost', 'append', 'keys', 'slow-clients', 'statement', 'replay']
// What takes long is run when it is asked for.
const parts = positionals.length > 0 ? positionals : known.slice(0, 4)
const unknown = parts.find((part) => !known.includes(part))
if (values.help || unknown) {
  console.log(`usage: bun run bench [calls] [cost] [append] [keys] [slow-clients] [statement] [replay] [options]

  calls         calls/s of this gateway, a bare Bun proxy, nginx and the upstream alone, taking turns
  cost          processor time of a call: the gateway's, PostgreSQL's, Redis', and the bare proxy's
  append        events/s of the append
  keys          how long management takes to answer when there are many keys
  slow-clients  latency of calls with and without 500 callers beside them who send a byte a second
  statement     the statement of one key with very many calls, and of its account
  replay        replaying, verifying and exporting a long log, what an append costs on it, and a
                statement of a key with a million charges
  --connections N   at once (128)        --seconds N   of each measurement (5)
  --rounds N        medians over (3)     --accounts N  with a key each (10000)
  --keys N          in all (10000)       --requests N  of each question (300)
  --events N        of the log that is replayed, or of the key whose statement is made (1000000)
  --against FOLDER  of cost: another checkout's gateway, taking turns with this one's
  --json            of cost (every measurement) and of keys

PostgreSQL is the one of DATABASE_URL (its databases tollbook_bench_* are replaced), else an embedded one;
Redis the one of REDIS_URL, else a redis-server from PATH, else none.`)
  process.exit(values.help ? 0 : 1)
}

process.on('SIGTERM', () => process.exit(143))
process.on('SIGINT', () => process.exit(130))
const folder = mkdtempSync(join(tmpdir(), 'tollbook-bench-'))
const postgres = process.env.DATABASE_URL
  ? undefined
  : await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') })
const serverUrl = process.env.DATABASE_URL ?? (postgres?.url as string)
try {
  const seconds = Number(values.seconds)
  const rounds = Number(values.rounds)
  const connections = Number(values.connections)
  const accounts = Number(values.accounts)
  if (parts.includes('calls')) {
    await benchCalls({ serverUrl, connections, seconds, rounds, accounts })
  }
  if (parts.includes('cost')) {
    const { against, json } = values
    const postgresPid = postgres?.pid
    await benchCost({
      ...{ serverUrl, postgresPid, connections, seconds, rounds, accounts, against, json },
    })
  }
  if (parts.includes('append')) await benchAppend(serverUrl, seconds, rounds)
  if (parts.includes('keys')) {
    const { keys, requests, json } = values
    await benchKeys({ serverUrl, keys: Number(keys), requests: Number(requests), json })
  }
  if (parts.includes('statement')) {
    await benchStatement({ serverUrl, events: Number(values.events), rounds })
  }
  if (parts.includes('replay')) {
    const { events, keys } = values
    await benchReplay({ serverUrl, events: Number(events), keys: Number(keys), seconds, rounds })
  }
  if (parts.includes('slow-clients')) {
    await benchSlowClients({ serverUrl, connections, seconds, rounds, accounts })
  }
} finally {
  await postgres?.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(0)
