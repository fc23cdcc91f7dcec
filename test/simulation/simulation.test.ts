/** Many runs of the simulation, each by its seed, in processes of its own: it replaces their clocks and timers. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Report } from './run-seeds.ts'

const main = join(import.meta.dir, 'main.ts')

/** How many runs, over two processes; the first of them. */
const seeds = Number(process.env.SIMULATION_SEEDS ?? 200)
const from = Number(process.env.SIMULATION_FROM ?? 1)

const invariants = [
  'delivered whole is charged',
  'nothing is bought with credits that are owed',
  'a revoked key buys nothing',
  'every wait ends',
  'a refunded response is not delivered',
]

async function run(...args: readonly string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, main, ...args], { stderr: 'inherit' })
  const text = await new Response(child.stdout).text()
  await child.exited
  return text
}

async function reportOf(first: number, count: number): Promise<Report> {
  const only = invariants.flatMap((name) => ['--only', name])
  const text = await run('--json', '--seeds', `${count}`, '--from', `${first}`, ...only)
  return JSON.parse(text)
}

test(`no run breaches an invariant (seeds from ${from})`, async () => {
  const half = Math.ceil(seeds / 2)
  const reports = await Promise.all([reportOf(from, half), reportOf(from + half, seeds - half)])
  for (const { failures, delivered, seeds } of reports) {
    expect(failures.map(({ seed, breaches }) => ({ seed, breaches }))).toEqual([])
    // The runs sell: an invariant that nothing touches would hold for nothing.
    expect(delivered).toBeGreaterThan(3 * seeds)
  }
}, 600_000)

test('the same seed is the same run, step by step', async () => {
  const [first, second] = await Promise.all([run('--trace', '5'), run('--trace', '5')])
  expect(first).toContain('serves')
  expect(second).toBe(first as string)
}, 60_000)
