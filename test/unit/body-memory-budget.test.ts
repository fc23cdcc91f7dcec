/** Bodies share a memory, and nobody's bodies take all of it. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { type NewBodyMemory, openBodyMemoryBudget } from '../../src/lib/body-memory-budget.ts'

function bodyOf(owner: string, newMemory: NewBodyMemory) {
  const memory = newMemory()
  memory.owner = owner
  return memory
}

/** How much the owner takes by bodies of ten bytes. */
function takeAll(owner: string, budget: NewBodyMemory): number {
  let taken = 0
  while (bodyOf(owner, budget).take(10)) taken += 10
  return taken
}

test('a body of one owner, however large, leaves a quarter to others', () => {
  const budget = openBodyMemoryBudget(100)
  const one = bodyOf('a', budget)
  expect(one.take(76)).toBe(false)
  expect(one.take(75)).toBe(true)
  expect(bodyOf('b', budget).take(19)).toBe(false)
  expect(bodyOf('b', budget).take(18)).toBe(true)
})

test('many bodies of one owner leave as much, and those of several leave something, too', () => {
  const budget = openBodyMemoryBudget(1_000)
  expect(takeAll('a', budget)).toBe(750)
  expect(takeAll('b', budget)).toBe(180)
  expect(takeAll('c', budget)).toBe(50)
  expect(bodyOf('d', budget).take(10)).toBe(true)
})

test('what is freed can be taken again, and nothing is taken twice or freed twice', () => {
  const step = fc.record({
    owner: fc.constantFrom('a', 'b', 'c'),
    bytes: fc.integer({ min: 1, max: 400 }),
    frees: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const budget = openBodyMemoryBudget(1_000)
      const bodies: { memory: ReturnType<NewBodyMemory>; taken: number }[] = []
      for (const { owner, bytes, frees } of steps) {
        const body = { memory: bodyOf(owner, budget), taken: 0 }
        if (body.memory.take(bytes)) body.taken += bytes
        bodies.push(body)
        expect(bodies.reduce((sum, { taken }) => sum + taken, 0)).toBeLessThanOrEqual(1_000)
        if (!frees) continue
        const first = bodies.shift()
        first?.memory.free()
        first?.memory.free()
      }
      for (const { memory } of bodies) memory.free()
      expect(bodyOf('d', budget).take(750)).toBe(true)
    }),
  )
})
