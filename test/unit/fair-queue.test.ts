import { expect, test } from 'bun:test'
import { FairQueue } from '../../src/proxy/request/audio/fair-queue.ts'
import { until } from '../support/until.ts'

/** Jobs that end when the test says, and what has begun. */
function openQueue(limits: ConstructorParameters<typeof FairQueue>[0]) {
  const queue = new FairQueue(limits)
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  return {
    begun,
    add(owner: string, name: string): Promise<string> | undefined {
      return queue.add(owner, async () => {
        begun.push(name)
        await new Promise<void>((resolve) => ends.set(name, resolve))
        return name
      })
    },
    /** Ends the job, and waits until so many have begun. */
    async end(name: string, count: number) {
      ends.get(name)?.()
      await until(() => begun.length === count)
    },
  }
}

test('an owner has one job that runs, and others run beside it', () => {
  const { add, begun } = openQueue({ maxRunning: 3, maxWaiting: 9 })
  for (const name of ['a1', 'a2', 'a3']) add('a', name)
  add('b', 'b1')
  add('c', 'c1')
  add('d', 'd1')
  expect(begun).toEqual(['a1', 'b1', 'c1'])
})

test('owners take turns, however many jobs one of them has brought', async () => {
  const { add, begun, end } = openQueue({ maxRunning: 1, maxWaiting: 9 })
  const names = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']
  for (const name of names) add(name.slice(0, 1), name)
  for (let count = 2; count <= names.length; count++) await end(begun.at(-1) as string, count)
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
})

test('more than may wait are not taken, and only of the owner who brought them', async () => {
  const { add, end } = openQueue({ maxRunning: 1, maxWaiting: 2 })
  add('a', 'a1')
  const isTaken = (owner: string, name: string) => add(owner, name) !== undefined
  expect(['a2', 'a3', 'a4'].map((name) => isTaken('a', name))).toEqual([true, true, false])
  expect(isTaken('b', 'b1')).toBe(true)
  await end('a1', 2)
  expect(isTaken('a', 'a5')).toBe(false)
  await end('b1', 3)
  expect(isTaken('a', 'a6')).toBe(true)
})

test('a job that fails fails alone', async () => {
  const queue = new FairQueue({ maxRunning: 1, maxWaiting: 2 })
  const failing = queue.add('a', () => Promise.reject(new Error('broken')))
  const next = queue.add('a', async () => 'done')
  expect(await failing?.catch((error) => String(error))).toBe('Error: broken')
  expect(await next).toBe('done')
})
