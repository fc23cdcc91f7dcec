/**
 * Very many leases at once, of keys on accounts of their own: taken, released together, taken again together, fallen idle, and
 * expired after their gateway was killed. For each: how long it takes, and what the calls of others take meanwhile at the
 * gateway that has the leases, or that expires them. At the end every response must have been charged, nothing may be
 * held, and `verify` must agree.
 */
import Table from 'cli-table3'
import { openManagementCommands } from '../src/ledger/commands/management-commands.ts'
import { connect } from '../src/ledger/connect.ts'
import { type BenchGateway, startBenchGateway } from './parts/gateway.ts'
import { fillLedger, openAccounts, publishTariff } from './parts/ledger.ts'
import { type Lap, startProbe } from './parts/probe.ts'
import { startRedis } from './parts/redis.ts'
import { runCommand } from './parts/run-command.ts'
import { search } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'

export interface LeasesOptions {
  readonly serverUrl: string
  /** As many leases, each of a key of its own. */
  readonly keys: number
  /** By which those keys call at once. */
  readonly connections: number
}

/** A key gets a lease with its third call in a row. */
const callsEach = 3
/** Whose calls are measured. */
const others = 100
const nameOfOthers = 'other'
const undisturbedMs = 5_000
const pollMs = 100
/** A lease lives for two minutes here, and is expired a moment after that. */
const maxWaitMs = 300_000

export async function benchLeases({ serverUrl, keys, connections }: LeasesOptions): Promise<void> {
  console.error(`Filling a ledger with ${keys} accounts…`)
  const ledger = await fillLedger(serverUrl, 'tollbook_bench_leases', keys)
  const ofOthers = await openAccounts(ledger.url, { accounts: others, named: nameOfOthers })
  const sql = connect({ url: ledger.url, as: 'owner', max: 1 })
  const [redis, upstream] = [await startRedis(), await startUpstream()]
  const start = () =>
    startBenchGateway({ databaseUrl: ledger.url, redisUrl: redis.url, upstream: upstream.url })
  const [doomed, other] = [await start(), await start()]
  const probes = [
    await startProbe(doomed.url, textsOf(ofOthers.slice(0, others / 2))),
    await startProbe(other.url, textsOf(ofOthers.slice(others / 2))),
  ]
  const [atDoomed, atOther] = probes as [(typeof probes)[0], (typeof probes)[0]]
  const rows: { what: string; seconds: number; lap: Lap }[] = []
  const measure = async (what: string, probe: typeof atDoomed, work: () => Promise<unknown>) => {
    console.error(`${what}…`)
    await probe.lap()
    const startedAtMs = performance.now()
    await work()
    const seconds = (performance.now() - startedAtMs) / 1_000
    const lap = await probe.lap()
    rows.push({ what, seconds, lap })
    // What takes minutes is not lost by what comes at its end.
    console.error(`${seconds.toFixed(1)} s, others ${JSON.stringify(lap)}`)
  }
  const open = async () => {
    const [row] = await sql<[{ leases: number; overdue: number }]>`
      select count(*)::integer as leases, (count(*) filter (where expires_at < now()))::integer as overdue
      from open_holds where slots is not null and key_id not like ${`key_${nameOfOthers}%`}`
    return row
  }
  const until = async (isSo: (now: { leases: number; overdue: number }) => boolean) => {
    const giveUpAtMs = performance.now() + maxWaitMs
    for (let now = await open(); !isSo(now); now = await open()) {
      if (performance.now() > giveUpAtMs) throw new Error(`it stays at ${JSON.stringify(now)}`)
      await Bun.sleep(pollMs)
    }
  }
  const texts = textsOf(ledger.keys)
  const call = (gateway: BenchGateway, each: number) =>
    callFromEach(gateway.url, texts, each, connections)

  try {
    await measure('quiet', atDoomed, () => Bun.sleep(undisturbedMs))
    await measure('taken', atDoomed, () => call(doomed, callsEach))
    const { leases: taken } = await open()
    await measure('released at once, for a new tariff', atDoomed, async () => {
      await publishTariff(openManagementCommands(sql, 'bench'), new Date().toISOString(), 'again')
      await until(({ leases }) => leases === 0)
    })
    await measure('taken again', atDoomed, () => call(doomed, callsEach))
    const { leases: again } = await open()
    await measure('fallen idle, and released', atDoomed, () => until(({ leases }) => leases === 0))
    await measure('taken, to be killed', atDoomed, () => call(doomed, callsEach))
    const { leases: orphaned } = await open()
    await atDoomed.stop()
    // Of the probe's last calls.
    await Bun.sleep(undisturbedMs)
    process.kill(doomed.pid, 'SIGKILL')
    await measure('orphaned, not due yet', atOther, () => until(({ overdue }) => overdue > 0))
    await measure('expired', atOther, () => until(({ leases }) => leases === 0))
    await measure('taken at the other gateway', atOther, () => call(other, callsEach))
    const { leases: last } = await open()
    await atOther.stop()
    const startedAtMs = performance.now()
    await other.stop()
    const stopped = (performance.now() - startedAtMs) / 1_000
    print(rows)
    console.log(
      `Leases: ${taken}, ${again}, ${orphaned}, ${last}. Its end takes the gateway ${stopped.toFixed(1)} s.`,
    )
    const [left] = await sql<[{ holds: number; held: number }]>`
      select (select count(*) from open_holds)::integer as holds,
        (select coalesce(sum(held), 0) from lots)::integer as held`
    console.log(`Held at the end: ${JSON.stringify(left)}`)
    await runCommand(['verify'], ledger.url)
  } finally {
    await sql.end()
    for (const part of [...probes, doomed, other, upstream, redis]) await part.stop()
  }
}

const textsOf = (keys: readonly { readonly key: string }[]) => keys.map(({ key }) => key)

/** So many calls of each key, one after another. @throws when one does not succeed */
async function callFromEach(
  url: string,
  keys: readonly string[],
  each: number,
  connections: number,
): Promise<void> {
  let next = 0
  const client = async () => {
    for (let key = keys[next++]; key !== undefined; key = keys[next++]) {
      const headers = { ...search.headers, 'X-API-Key': key }
      for (let n = 0; n < each; n++) {
        const init = { method: 'POST', headers, body: search.body }
        const response = await fetch(url + search.path, init)
        if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
        await response.arrayBuffer()
      }
    }
  }
  await Promise.all(Array.from({ length: connections }, client))
}

function print(rows: readonly { what: string; seconds: number; lap: Lap }[]): void {
  const table = new Table({
    head: ['the leases are', 's', 'others: calls', 'failed', 'p50 ms', 'p99 ms', 'worst ms'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
  })
  for (const { what, seconds, lap } of rows) {
    const { calls, failed, ...latencies } = lap
    const { p50Ms, p99Ms, worstMs } = latencies
    const figures = [p50Ms, p99Ms, worstMs].map((ms) => ms.toFixed(1))
    table.push([what, seconds.toFixed(1), calls, failed, ...figures])
  }
  console.log(table.toString())
}
