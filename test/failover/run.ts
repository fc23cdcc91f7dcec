/** One run: calls, the fault in the middle of them, calls until the cluster is whole again, and what the log says of them. */
import { seeded } from '../faults/random.ts'
import { type ClientCall, chargedOnce } from '../faults/records.ts'
import type { Fault, Struck } from './fault.ts'
import { isSold, type Load, startLoad } from './load.ts'
import type { Scene } from './scene.ts'

/** A run as it is kept in the file of results. */
export interface RunResult {
  readonly setUp: string
  readonly fault: string
  readonly seed: number
  /** Calls with a whole response that costs. */
  readonly sold: number
  /** Calls by the status of their response, or `none`. */
  readonly responses: Readonly<Record<string, number>>
  /** Of those that were sold: without a charge, and with more than one. */
  readonly lost: number
  readonly doubled: number
  /** By each gateway: the longest time without a sale, from the fault on, or from the end of the outage that it makes. */
  readonly gapMs: Readonly<Record<string, number>>
  /** Sold while nothing may be sold: in an outage, and after the gateways have stopped. */
  readonly soldInOutage: number
  /** From when another server held the lock until both gateways had sold. */
  readonly afterChoiceMs?: number
  /** The gateways said that the log is not the one that they have seen, and stopped. */
  readonly diverged: boolean
  /** Whatever else differs between responses and charges. */
  readonly findings: readonly string[]
  readonly seconds: number
}

/** Before the fault, by each gateway. */
const soldBefore = 100
/** In each run. */
const soldAtLeast = 1_000
const maxFindings = 5
/** A response can be on its way to its client when what it waited for is lost. */
const onItsWayMs = 500
/** After the gateways have stopped. */
const callsAfterwards = 200

export async function runOnce(
  scene: Scene,
  setUp: string,
  fault: Fault,
  seed: number,
): Promise<RunResult> {
  const begunAtMs = performance.now()
  await scene.cluster.untilWhole()
  scene.calls.length = 0
  const load = startLoad(scene, seeded(seed))
  const struck = await strikeUnder(load, scene, fault).finally(load.stop)
  const endedAtMs = performance.now()
  await scene.cluster.untilWhole()

  const { calls } = scene
  const logged = await scene.readLoggedCalls()
  const sold = calls.filter(isSold)
  const settles = (call: ClientCall) => logged.get(call.requestId ?? '')?.settles ?? 0
  const lost = sold.filter((call) => settles(call) === 0)
  const gaps = scene.gateways.map(({ name }) => {
    const own = sold.filter(({ gateway }) => gateway === name)
    return [name, longestGap(own, struck.outage?.untilMs ?? struck.atMs, endedAtMs)] as const
  })
  const { chosenAtMs, divergedAtMs } = struck
  const others = [...chargedOnce(calls, logged)].filter(
    ({ what }) => !lost.some(({ requestId }) => what.includes(String(requestId))),
  )
  return {
    ...{ setUp, fault: fault.name, seed, sold: sold.length, responses: byStatus(calls) },
    ...{ lost: lost.length, doubled: sold.filter((call) => settles(call) > 1).length },
    gapMs: Object.fromEntries(gaps),
    soldInOutage: sold.filter((call) => isForbidden(call, struck)).length,
    ...(chosenAtMs !== undefined && { afterChoiceMs: untilAllSold(scene, sold, chosenAtMs) }),
    diverged: divergedAtMs !== undefined,
    findings: others.slice(0, maxFindings).map(({ what }) => what),
    seconds: (performance.now() - begunAtMs) / 1_000,
  }
}

async function strikeUnder(
  load: Load,
  scene: Scene,
  fault: Fault,
): Promise<Struck & { readonly atMs: number }> {
  await load.sells(soldBefore)
  const atMs = performance.now()
  const struck = await fault.strike(scene, load)
  if (struck.divergedAtMs !== undefined) {
    await load.calls(callsAfterwards)
  } else {
    await scene.cluster.untilWhole()
    await load.hasSold(soldAtLeast)
  }
  return { atMs, ...struck }
}

function isForbidden({ endedAtMs = 0 }: ClientCall, { outage, divergedAtMs }: Struck): boolean {
  if (divergedAtMs !== undefined && endedAtMs > divergedAtMs + onItsWayMs) return true
  return (
    outage !== undefined && endedAtMs > outage.fromMs + onItsWayMs && endedAtMs < outage.untilMs
  )
}

function longestGap(sold: readonly ClientCall[], fromMs: number, untilMs: number): number {
  const times = sold.map(({ endedAtMs = 0 }) => endedAtMs).filter((at) => at > fromMs)
  const all = [fromMs, ...times.toSorted((a, b) => a - b), untilMs]
  return all.reduce((longest, at, i) => Math.max(longest, at - (all[i - 1] ?? at)), 0)
}

function untilAllSold({ gateways }: Scene, sold: readonly ClientCall[], fromMs: number): number {
  const first = gateways.map(({ name }) => {
    const own = sold.filter(({ gateway, endedAtMs = 0 }) => gateway === name && endedAtMs > fromMs)
    return Math.min(...own.map(({ endedAtMs = 0 }) => endedAtMs)) - fromMs
  })
  return Math.max(...first)
}

function byStatus(calls: readonly ClientCall[]): Record<string, number> {
  const groups = Map.groupBy(calls, ({ status }) => String(status ?? 'none'))
  return Object.fromEntries([...groups].map(([status, all]) => [status, all.length]))
}
