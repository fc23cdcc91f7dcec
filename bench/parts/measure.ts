/**
 * One measurement of calls: load on one contender, its responses checked, and the processor time that they
 * cost, by whose it is.
 */
import type { Bench } from '../suite/bench.ts'
import type { Figures } from '../suite/samples.ts'
import type { Contender } from '../suite/turns.ts'
import type { BenchKey } from './ledger.ts'
import { runLoad } from './load.ts'
import type { Measured } from './measured-load.ts'
import {
  exactTimeUs,
  firstThreadTime,
  type ProcessorTime,
  processorTime,
} from './processor-time.ts'
import type { Shape } from './shapes.ts'

/** A server, and the calls that it is measured by. */
export interface Target {
  readonly name: string
  /** Its origin. */
  readonly url: string
  readonly pid: number
  /** Keys that take turns, also before those who do not look at them: everyone gets the same calls. */
  readonly keys: readonly string[]
  readonly shape: Shape
  /** What every response's status has to be; 200 by default. */
  readonly status?: number
}

/** Only what is measured on a machine of our own is known by process. */
type Measuring = Pick<Bench, 'postgresPid' | 'redis' | 'seconds'>

/** The target as a contender at so many connections. */
export function contender(target: Target, connections: number, bench: Measuring): Contender {
  return { name: target.name, measure: () => measureCalls(target, connections, bench) }
}

/**
 * Microseconds of processor time are per call; those of the target itself include what it has started.
 * @throws when any response had another status than it should, or did not come
 */
export async function measureCalls(
  target: Target,
  connections: number,
  bench: Measuring,
): Promise<Figures> {
  await probe(target)
  const usedSince = watchProcessors(target.pid, bench)
  const measured = await load(target, connections, bench.seconds)
  const used = usedSince()
  check(target, measured)
  return {
    callsPerSecond: measured.requestsPerSecond,
    p50Ms: measured.p50Ms,
    p99Ms: measured.p99Ms,
    calls: measured.total,
    ...withSum(Object.fromEntries(used.map(([name, us]) => [name, us / measured.total]))),
  }
}

/** What is returned tells the microseconds of processor time used until it is asked, by figure; those that are known. */
function watchProcessors(pid: number, { postgresPid, redis }: Measuring) {
  const look = () => {
    const [own, ofRedis] = [pid, redis.pid].map(processorTime) as [ProcessorTime, ProcessorTime]
    return {
      ...{ ownUs: own.userUs + own.systemUs, userUs: own.userUs, systemUs: own.systemUs },
      javaScriptUs: firstThreadTime(pid),
      postgresUs: exactTimeUs(postgresPid),
      redisUs: ofRedis.userUs + ofRedis.systemUs,
    }
  }
  const before = look()
  return (): [string, number][] => {
    const now = Object.entries(look())
    return now
      .map(([name, us]): [string, number] => [name, us - before[name as keyof typeof before]])
      .filter(([, us]) => !Number.isNaN(us))
  }
}

/** Where PostgreSQL's time is not known there is no sum. */
function withSum(figures: Figures): Figures {
  const { ownUs, postgresUs, redisUs = 0 } = figures
  if (ownUs === undefined || postgresUs === undefined) return figures
  return { ...figures, togetherUs: ownUs + postgresUs + redisUs }
}

/** Puts the target's calls on it for so long. */
export function load(
  { url, shape: { path, headers, body }, keys }: Target,
  connections: number,
  durationSeconds: number,
): Promise<Measured> {
  const what = { url: url + path, method: 'POST', headers, body, connections, durationSeconds }
  return runLoad({ ...what, apiKeys: keys })
}

/** Load until what runs often is compiled; its responses are not checked. */
export async function warmUp(
  target: Target,
  connections: number,
  { warmUpSeconds }: Pick<Bench, 'warmUpSeconds'>,
): Promise<void> {
  if (warmUpSeconds > 0) await load(target, connections, warmUpSeconds)
}

/** One call, whose status has to be the target's; says what came instead. */
async function probe(target: Target): Promise<void> {
  const { status = 200 } = target
  const response = await callOnce(target, target.keys[0] as string)
  if (response.status === status) return
  throw new Error(`got ${response.status}, not ${status}: ${response.text.slice(0, 200)}`)
}

/** The load tells statuses of 400 and above from others. */
export function check({ status = 200 }: Target, measured: Measured): void {
  const { total, non2xx, socketErrors } = measured
  const unexpected = status < 400 ? non2xx : total - non2xx
  if (unexpected === 0 && socketErrors === 0) return
  throw new Error(
    `${unexpected} of ${total} responses were not ${status}, ${socketErrors} broken off`,
  )
}

/** One call from each key, so that all of them are known and have their month's allowance; returns the statuses. */
export async function callFromEach(target: Target): Promise<ReadonlyMap<number, number>> {
  const statuses = new Map<number, number>()
  let next = 0
  const client = async () => {
    while (next < target.keys.length) {
      const { status } = await callOnce(target, target.keys[next++] as string)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 64 }, client))
  return statuses
}

async function callOnce({ url, shape: { path, headers, body } }: Target, key: string) {
  const named = { ...headers, 'X-API-Key': key }
  const response = await fetch(url + path, { method: 'POST', headers: named, body })
  return { status: response.status, text: await response.text() }
}

export function keysOf(keys: readonly BenchKey[]): string[] {
  return keys.map(({ key }) => key)
}
