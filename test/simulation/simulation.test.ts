/** Many runs of the simulation, each by its seed, in processes of its own: it replaces their clocks and timers. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { bugs } from './bugs.ts'
import type { Report } from './run-seeds.ts'

const main = join(import.meta.dir, 'main.ts')

/** How many runs, over two processes; the first of them. */
const seeds = Number(process.env.SIMULATION_SEEDS ?? 300)
const from = Number(process.env.SIMULATION_FROM ?? 1)

async function run(...args: readonly string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, main, ...args], { stderr: 'inherit' })
  const text = await new Response(child.stdout).text()
  await child.exited
  return text
}

async function reportOf(first: number, count: number): Promise<Report> {
  const text = await run('--json', '--seeds', `${count}`, '--from', `${first}`)
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

for (const { name, breaks } of bugs) {
  test(`the planted bug "${name}" is found: ${breaks}`, async () => {
    const report = JSON.parse(
      await run('--json', '--first', '--bug', name, '--seeds', '1000', '--from', '1'),
    )
    expect(Object.keys(report.breached)).toEqual([breaks])
    expect(report.failures[0].trace.length).toBeGreaterThan(0)
  }, 300_000)
}

test('the same seed is the same run, step by step', async () => {
  const [first, second] = await Promise.all([run('--trace', '5'), run('--trace', '5')])
  expect(first).toContain('serves')
  expect(second).toBe(first as string)
})
