/** `bun run bench [family…|part|page] [options]`: figures, never a test. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cost } from './cost.ts'
import { benchInstructions } from './instructions.ts'
import { benchKeys } from './keys.ts'
import { benchLeases } from './leases.ts'
import { benchNeighbours } from './neighbours.ts'
import { benchPages } from './pages.ts'
import { startServer } from './parts/server.ts'
import { peers } from './peers.ts'
import { profile } from './profile.ts'
import { benchReplay } from './replay.ts'
import { benchReports } from './reports.ts'
import { benchSlowClients } from './slow-clients.ts'
import { standby } from './standby.ts'
import { benchStatement } from './statement.ts'
import { suitePart, withSuite } from './suite/page.ts'
import type { Results } from './suite/results.ts'
import { families, runSuite } from './suite/run.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    accounts: { type: 'string' },
    'log-events': { type: 'string' },
    'cached-keys': { type: 'string' },
    'hour-calls': { type: 'string' },
    against: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    doc: { type: 'boolean', default: false },
    results: { type: 'string' },
    connections: { type: 'string', default: '128' },
    keys: { type: 'string', default: '10000' },
    requests: { type: 'string', default: '300' },
    pace: { type: 'string', default: '1000' },
    events: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})

/** What the page is made from, and a short pass that shows that everything works. */
const defaults = values.quick
  ? {
      ...{ rounds: 1, seconds: 1, warmUpSeconds: 0, accounts: 200, logEvents: 20_000 },
      ...{ cachedKeys: 500, hourOfCalls: 2_000 },
    }
  : {
      ...{ rounds: 5, seconds: 2, warmUpSeconds: 4, accounts: 10_000, logEvents: 10_000_000 },
      ...{ cachedKeys: 100_000, hourOfCalls: 360_000 },
    }
const rounds = Number(values.rounds ?? defaults.rounds)
const seconds = Number(values.seconds ?? defaults.seconds)
const accounts = Number(values.accounts ?? defaults.accounts)
const events = Number(values.events ?? 1_000_000)

/** What is not of the suite, with sections of its own in docs/BENCHMARKS.md. */
const others = [
  'instructions',
  'keys',
  'slow-clients',
  'neighbours',
  'leases',
  'statement',
  'replay',
  'reports',
  'pages',
]
const page = join(import.meta.dir, '../docs/BENCHMARKS.md')
const named = [...families, cost, peers, profile, standby]
const chosen = named.filter(({ name }) => positionals.includes(name))
const known = named.map(({ name }) => name).concat(others, 'page')
const unknown = positionals.find((name) => !known.includes(name))
if (values.help || unknown) {
  console.log(usage())
  process.exit(values.help ? 0 : 1)
}

// Both need no server of the bench.
if (positionals[0] === 'page') await writePage(readResults())
else if (positionals[0] === 'instructions') await benchInstructions()
else process.exit(await measure())

async function measure(): Promise<number> {
  const server = await startServer()
  const serverUrl = server.url
  try {
    const all = positionals.length === 0
    const failed = all || chosen.length > 0 ? await measureSuite(server) : 0
    if (positionals.includes('keys')) {
      const { keys, requests, json } = values
      const own = chosen.length > 0 ? undefined : json
      await benchKeys({ serverUrl, keys: Number(keys), requests: Number(requests), json: own })
    }
    if (positionals.includes('statement')) {
      await benchStatement({ serverUrl, events, rounds })
    }
    if (positionals.includes('replay')) {
      await benchReplay({ serverUrl, events, keys: Number(values.keys), seconds, rounds })
    }
    if (positionals.includes('slow-clients')) {
      const connections = Number(values.connections)
      await benchSlowClients({ serverUrl, connections, seconds, rounds, accounts })
    }
    if (positionals.includes('neighbours')) {
      const connections = Number(values.connections)
      await benchNeighbours({ serverUrl, connections, seconds, rounds, accounts })
    }
    if (positionals.includes('reports')) {
      const perSecond = Number(values.pace)
      await benchReports({ events, perSecond, seconds, rounds, accounts })
    }
    if (positionals.includes('pages')) {
      const ofYear = Number(values.events ?? 3_000_000)
      const perSecond = Number(values.pace)
      await benchPages({ server, events: ofYear, perSecond, seconds, rounds })
    }
    if (positionals.includes('leases')) {
      const [keys, connections] = [Number(values.keys), Number(values.connections)]
      await benchLeases({ serverUrl, keys, connections })
    }
    return failed > 0 ? 1 : 0
  } finally {
    await server.stop()
  }
}

/** Returns how many measurements failed. */
async function measureSuite(server: Awaited<ReturnType<typeof startServer>>): Promise<number> {
  const results = await runSuite({
    ...{ server, rounds, seconds, against: values.against },
    warmUpSeconds: defaults.warmUpSeconds,
    families: chosen.length > 0 ? chosen : families,
    sizes: {
      accounts,
      logEvents: Number(values['log-events'] ?? defaults.logEvents),
      cachedKeys: Number(values['cached-keys'] ?? defaults.cachedKeys),
      hourOfCalls: Number(values['hour-calls'] ?? defaults.hourOfCalls),
    },
    command: ['bun run bench', ...process.argv.slice(2).filter(notAFile)].join(' '),
    // What takes half an hour is not lost by what comes at its end.
    async save(soFar) {
      if (values.json) await Bun.write(values.json, JSON.stringify(soFar, undefined, 1))
    },
  })
  console.log(suitePart(results))
  if (values.doc) await writePage(results)
  const failed = results.samples.filter(({ error }) => error !== undefined)
  for (const { family, row, contender, error } of failed) {
    console.error(`no figure: ${family}, ${row}, ${contender}: ${error}`)
  }
  return failed.length
}

/** Where results go changes none of them. */
function notAFile(argument: string, at: number, all: readonly string[]): boolean {
  return argument !== '--json' && !argument.startsWith('--json=') && all[at - 1] !== '--json'
}

function readResults(): Results {
  if (!values.results) throw new Error('which results? --results FILE, as --json FILE wrote it')
  return JSON.parse(readFileSync(values.results, 'utf8'))
}

async function writePage(results: Results): Promise<void> {
  await Bun.write(page, withSuite(readFileSync(page, 'utf8'), results))
  console.error('docs/BENCHMARKS.md is written.')
}

function usage(): string {
  const line = ({ name, summary }: { name: string; summary: string }) =>
    `  ${name.padEnd(13)} ${summary}`
  return `usage: bun run bench [what…] [options]

Without a name, the whole suite, in about 25 minutes on a machine with nothing else to do:
${families.map(line).join('\n')}
Only when named:
${line(cost)}
${line(peers)}
${line(profile)}
${line(standby)}
  instructions  of PostgreSQL for an appended event, counted by valgrind; the same however busy the machine is
  keys          how long management takes to respond when there are many keys
  slow-clients  latency of calls with and without 500 clients beside them who send a byte a second
  neighbours    latency of calls with and without a process beside them that attacks in one of four ways
  reports       calls beside reports that the primary computes, and beside those of a standby
  pages         every page of the portal and the console in Chromium on a ledger of 10,000 accounts and a year, with
                and without calls meanwhile, and the calls with and without the pages
  leases        10,000 leases taken, released together, fallen idle, and expired after their gateway was killed
  statement     the statement of one key with very many calls, and of its account
  replay        replaying, verifying and exporting a long log, what an append costs on it, and a
                statement of a key with a million charges
  page          writes docs/BENCHMARKS.md again, from --results FILE

  --quick           everything, briefly: that it works, no figures
  --json FILE       every measurement (of the suite; of keys when only they are measured)
  --doc             writes the suite's part of docs/BENCHMARKS.md
  --rounds N        medians over (5)         --seconds N      of each measurement (2)
  --accounts N      of the ledger (10000)      --log-events N   of the long log (10000000)
  --cached-keys N   (100000)                 --hour-calls N   (360000)
  --against FOLDER  of cost and append: another checkout, which has its own code, database and processes
                    and takes turns with this one; may be repeated; this one itself shows the noise
  --connections N   of slow-clients, neighbours, leases (128)    --keys N   of keys, leases (10000)
  --requests N      of keys (300)                --pace N         calls a second, of reports, pages (1000)
  --events N        of replay, reports, and of the one key of statement (1000000); of pages (3000000)

PostgreSQL is the one of DATABASE_URL (its databases tollbook_bench_* are replaced), else an embedded one;
Redis the one of REDIS_URL, else a redis-server from PATH, else none. wrk makes the load where it is on PATH.`
}
