import { describe, expect, test } from 'bun:test'
import { runPeriodically } from '../../src/lib/run-periodically.ts'
import { until } from '../support/until.ts'

const ignore = () => {}

describe('a periodic task', () => {
  test('runs at once, and again after its interval', async () => {
    let runs = 0
    const task = runPeriodically(1, async () => void runs++, ignore)
    expect(runs).toBe(1)
    await until(() => runs >= 3)
    await task.stop()
  })

  test('never runs twice at once, and stop() waits for the run under way', async () => {
    let running = 0
    let maxRunning = 0
    let runs = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    const task = runPeriodically(
      0,
      async () => {
        running++
        maxRunning = Math.max(maxRunning, running)
        if (++runs === 3) await promise
        running--
      },
      ignore,
    )
    await until(() => runs === 3)
    let isStopped = false
    const stop = task.stop().then(() => {
      isStopped = true
    })
    await Bun.sleep(5)
    expect(isStopped).toBe(false)
    resolve()
    await stop
    expect([maxRunning, running, runs]).toEqual([1, 0, 3])
  })

  test('rests as long as its rule says of how long it took', async () => {
    const took: number[] = []
    const rest = (tookMs: number) => {
      took.push(tookMs)
      return took.length < 3 ? 0 : 60_000
    }
    let runs = 0
    const task = runPeriodically(
      rest,
      async () => void (await Bun.sleep(++runs === 2 ? 20 : 0)),
      ignore,
    )
    await until(() => took.length === 3)
    await task.stop()
    expect(runs).toBe(3)
    expect(took[1]).toBeGreaterThanOrEqual(19)
  })

  test('runs again at once while there is more to do', async () => {
    let left = 5
    const task = runPeriodically(60_000, async () => --left > 0, ignore)
    await until(() => left === 0)
    await task.stop()
    expect(left).toBe(0)
  })

  test('runs again after a failure, which is reported', async () => {
    const failures: unknown[] = []
    let runs = 0
    const task = runPeriodically(
      1,
      async () => {
        if (++runs === 1) throw new Error('once')
      },
      (error) => failures.push(error),
    )
    await until(() => runs >= 2)
    await task.stop()
    expect(failures).toEqual([new Error('once')])
  })

  test('stops at once while it waits an hour for its next run', async () => {
    let runs = 0
    const task = runPeriodically(3_600_000, async () => void runs++, ignore)
    await task.stop()
    expect(runs).toBe(1)
  })
})
