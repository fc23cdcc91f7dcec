import { describe, expect, test } from 'bun:test'
import { runPeriodically } from '../../src/lib/run-periodically.ts'
import { until } from '../support/until.ts'

const never = () => {}

describe('recurring work', () => {
  test('comes at once, and again after its interval', async () => {
    let runs = 0
    const recurring = runPeriodically(1, async () => void runs++, never)
    expect(runs).toBe(1)
    await until(() => runs >= 3)
    await recurring.stop()
  })

  test('never runs twice at once, and its end is waited for', async () => {
    let under = 0
    let most = 0
    let runs = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    const recurring = runPeriodically(
      0,
      async () => {
        under++
        most = Math.max(most, under)
        if (++runs === 3) await promise
        under--
      },
      never,
    )
    await until(() => runs === 3)
    let stopped = false
    const stop = recurring.stop().then(() => {
      stopped = true
    })
    await Bun.sleep(5)
    expect(stopped).toBe(false)
    resolve()
    await stop
    expect([most, under, runs]).toEqual([1, 0, 3])
  })

  test('goes on at once while there is more', async () => {
    let left = 5
    const recurring = runPeriodically(60_000, async () => --left > 0, never)
    await until(() => left === 0)
    await recurring.stop()
    expect(left).toBe(0)
  })

  test('goes on after a failure, which is told', async () => {
    const failures: unknown[] = []
    let runs = 0
    const recurring = runPeriodically(
      1,
      async () => {
        if (++runs === 1) throw new Error('once')
      },
      (error) => failures.push(error),
    )
    await until(() => runs >= 2)
    await recurring.stop()
    expect(failures).toEqual([new Error('once')])
  })

  test('that waits an hour is stopped at once', async () => {
    let runs = 0
    const recurring = runPeriodically(3_600_000, async () => void runs++, never)
    await recurring.stop()
    expect(runs).toBe(1)
  })
})
