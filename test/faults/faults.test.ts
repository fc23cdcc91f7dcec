/**
 * Each fault strikes once and each bug is planted once, where TOLLBOOK_ALL_FAULTS=1 says so; else one fault of each group, and
 * the bugs that need no fault. `bun run faults` does it as often as one likes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { bugs as allBugs } from './bugs.ts'
import type { Result } from './campaign.ts'
import { faults as allFaults } from './faults/index.ts'

const strikesAll = process.env.TOLLBOOK_ALL_FAULTS === '1'
const groupOf = (name: string) => name.split('/')[0] ?? ''
const faults = allFaults.filter(
  ({ name }, i) =>
    strikesAll || allFaults.findIndex((other) => groupOf(other.name) === groupOf(name)) === i,
)
const bugs = allBugs.filter(({ fault }) => strikesAll || fault === 'calm')

/** Faults wait more than they work: campaigns side by side, each with servers of its own, and all about as long. */
const ofGroups = (...groups: readonly string[]) =>
  faults.map(({ name }) => name).filter((name) => groups.includes(groupOf(name)))
const ownCampaigns = ['kill-gateway', 'gateway', 'postgres']
const others = [...new Set(faults.map(({ name }) => groupOf(name)))].filter(
  (group) => !ownCampaigns.includes(group),
)
const campaigns = [
  ...ownCampaigns.map((group) => ofGroups(group)),
  ofGroups(...others),
  ...[0, 1].map((half) => bugs.filter((_, i) => i % 2 === half).map(({ name }) => `--bug=${name}`)),
]
/** A fault that strikes calls on leases must have met some. */
const isOfBusyKeys = (name: string) =>
  /^(lease|kill-gateway\/(before|in)-charge-on-lease)/.test(name)
const seed = 1
const limitMs = 240_000
/** It stops and counts processes as Linux does. Where Redis is required, a missing one fails. */
const possible =
  process.platform === 'linux' &&
  (Bun.which('redis-server') !== null || process.env.TOLLBOOK_REQUIRE_REDIS === '1')

const results = new Map<string, PromiseWithResolvers<Result>>()
for (const { name } of [...faults, ...bugs]) results.set(name, Promise.withResolvers())
for (const { promise } of results.values()) promise.catch(() => {})
let running: Bun.Subprocess<'ignore', 'pipe', 'pipe'>[] = []

beforeAll(() => {
  if (possible) running = campaigns.map(start)
})
afterAll(async () => {
  for (const campaign of running) campaign.kill()
  await Promise.all(running.map(({ exited }) => exited))
})

function start(what: readonly string[]) {
  const harness = join(import.meta.dir, 'main.ts')
  const campaign = Bun.spawn(
    [process.execPath, harness, ...what, '--json', '--runs', '1', '--seed', String(seed)],
    { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  )
  void follow(campaign, what)
  return campaign
}

async function follow(
  campaign: Bun.Subprocess<'ignore', 'pipe', 'pipe'>,
  what: readonly string[],
): Promise<void> {
  const complaints = new Response(campaign.stderr).text()
  let rest = ''
  for await (const chunk of campaign.stdout as unknown as AsyncIterable<Uint8Array>) {
    const lines = (rest + new TextDecoder().decode(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const result: Result = JSON.parse(line)
      results.get(result.kind === 'bug' ? result.bug : result.fault)?.resolve(result)
    }
  }
  const error = new Error(`the harness ended: ${await complaints}`)
  for (const name of what) results.get(name.replace('--bug=', ''))?.reject(error)
}

describe.skipIf(!possible)('three records agree, and the log with itself, after', () => {
  test.each(faults.map(({ name, says }) => [name, says]))(
    '%s: %s',
    async (name) => {
      const result = (await results.get(name)?.promise) as Result
      if (result.kind === 'skipped')
        return console.warn(`${name}: not possible here: ${result.why}`)
      if (result.kind === 'bug') throw new Error('a bug has a fault’s name')
      expect({ found: result.found, findings: result.findings }).toEqual({
        found: {},
        findings: [],
      })
      expect(result.sold).toBeGreaterThan(0)
      expect(result.events).toBeGreaterThan(0)
      if (isOfBusyKeys(name)) expect(result.onLease).toBeGreaterThan(0)
    },
    limitMs,
  )
})

describe.skipIf(!possible)('a planted bug is caught by the invariant it breaks', () => {
  test.each(bugs.map(({ name, breaks, says }) => [name, breaks, says]))(
    '%s by %s: %s',
    async (name, breaks) => {
      const result = (await results.get(name)?.promise) as Result
      if (result.kind !== 'bug') throw new Error('a fault has a bug’s name')
      expect(Object.keys(result.ran.found)).toContain(breaks)
    },
    limitMs,
  )
})
