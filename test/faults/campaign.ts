/** A campaign: faults and planted bugs one after another, on servers of its own. */
import { type Bug, bugs } from './bugs.ts'
import type { Fault } from './fault.ts'
import { faultsNamed } from './faults/index.ts'
import { type Ran, runFault } from './run.ts'
import { type Servers, startServers } from './servers.ts'
import { openWorld, type World } from './world.ts'

export interface Campaign {
  readonly faults: readonly Fault[]
  readonly bugs: readonly Bug[]
  readonly seed: number
  /** Of each fault; by its own number when absent. */
  readonly runs: number | undefined
  readonly onRun?: (what: string, done: number, of: number) => void
  /** Called with each result as it comes. */
  readonly onResult: (result: Result) => void
}

export type Result =
  | ({ readonly kind: 'fault' } & Ran)
  | { readonly kind: 'skipped'; readonly fault: string; readonly why: string }
  | {
      readonly kind: 'bug'
      readonly bug: string
      readonly breaks: Bug['breaks']
      readonly caught: boolean
      readonly ran: Ran
    }

/** A world that has carried this many runs is replaced: its log is long, and each audit reads its tables whole. */
const runsAWorld = 200

export async function execute(campaign: Campaign): Promise<void> {
  const servers = await startServers()
  try {
    await strikeAll(campaign, servers)
    for (const bug of campaign.bugs) campaign.onResult(await plant(campaign, servers, bug))
  } finally {
    await servers.stop()
  }
}

async function strikeAll(campaign: Campaign, servers: Servers): Promise<void> {
  let world: World | undefined
  let carried = 0
  for (const fault of campaign.faults) {
    if (fault.disk) {
      campaign.onResult(await onItsOwnDisk(campaign, fault, fault.disk))
      continue
    }
    const runs = campaign.runs ?? fault.runs
    if (world && carried + runs > runsAWorld) {
      await world.close()
      world = undefined
      carried = 0
    }
    world ??= await openWorld(servers, campaign.seed)
    carried += runs
    try {
      campaign.onResult({ kind: 'fault', ...(await strike(campaign, world, fault)) })
    } catch (error) {
      // Whatever the harness fell over is a finding, and the next fault gets a new world.
      campaign.onResult({ kind: 'fault', ...brokenOff(campaign, fault, error) })
      await world.close().catch(() => {})
      world = undefined
      carried = 0
    }
  }
  await world?.close()
}

function strike(campaign: Campaign, world: World, fault: Fault): Promise<Ran> {
  const runs = campaign.runs ?? fault.runs
  return runFault(world, fault, {
    ...{ runs, seed: campaign.seed },
    onRun: (done) => campaign.onRun?.(fault.name, done, runs),
  })
}

function brokenOff({ seed }: Campaign, fault: Fault, error: unknown): Ran {
  const what = `the harness could not go on: ${error}`
  return {
    ...{
      fault: fault.name,
      runs: 0,
      seed,
      calls: 0,
      sold: 0,
      responses: {},
      executions: 0,
      events: 0,
      onLease: 0,
    },
    found: { I8: 1 },
    findings: [{ invariant: 'I8', what, seeds: `${seed} and after` }],
    ...{ figures: {}, seconds: 0 },
  }
}

async function onItsOwnDisk(
  campaign: Campaign,
  fault: Fault,
  disk: NonNullable<Fault['disk']>,
): Promise<Result> {
  const why = disk.impossible()
  if (why !== undefined) return { kind: 'skipped', fault: fault.name, why }
  const servers = await startServers(disk.mount())
  try {
    const world = await openWorld(servers, campaign.seed)
    const ran = await strike(campaign, world, fault)
    await world.close()
    return { kind: 'fault', ...ran }
  } finally {
    await servers.stop()
    disk.unmount()
  }
}

/** What a bug does can need luck to show: a moment that is hit, or a batch that mixes. */
const maxRounds = 10

/** A bug is caught when the invariant that it breaks, and that was named beforehand, finds something. */
async function plant(campaign: Campaign, servers: Servers, bug: Bug): Promise<Result> {
  const world = await openWorld(servers, campaign.seed, bug)
  const [fault] = faultsNamed(bug.fault) as [Fault]
  const runs = bug.runs * maxRounds
  try {
    const ran = await runFault(world, fault, {
      ...{ runs, seed: campaign.seed, sellsWithinMs: 1_000 },
      until: { finds: bug.breaks, round: bug.runs },
      onRun: (done) => campaign.onRun?.(bug.name, done, runs),
    })
    const caught = bug.breaks in ran.found
    return { kind: 'bug', bug: bug.name, breaks: bug.breaks, caught, ran }
  } finally {
    await world.close()
  }
}

/** A bug by its name. @throws for a name that is none */
export function bugNamed(name: string): Bug {
  const bug = bugs.find((one) => one.name === name)
  if (!bug) throw new Error(`There is no bug ${name}: see --list.`)
  return bug
}
