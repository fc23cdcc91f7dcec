/** What Redis could not hear while it was away, it hears afterwards. */
import { expect, test } from 'bun:test'
import { openInProcessTokens } from '../../src/gate/rate-limit/in-process-tokens.ts'
import type { RedisConnection } from '../../src/gate/rate-limit/redis-connection.ts'
import { openRedisTokens } from '../../src/gate/rate-limit/redis-tokens.ts'

const limits = [{ key: 'account', limit: 1_000, windowMs: 60_000 }]

/** A Redis that can be away, and what it was told of tokens that were used. */
function openFake() {
  const settled: (readonly [string, number])[] = []
  const fake = { isAway: false, losesReplies: false, settled, taken: [] as string[] }
  const connection = {
    async takeTokens(_limits: unknown, _tokens: number, name: string) {
      if (fake.isAway) throw new Error('away')
      fake.taken.push(name)
      if (fake.losesReplies) throw new Error('lost')
      return [1, 500, 0]
    },
    async settleTokens(_limits: unknown, _taken: number, name: string, used: number) {
      if (fake.isAway || fake.losesReplies) throw new Error('away')
      settled.push([name, used])
    },
  } as unknown as RedisConnection
  const of = () => connection
  const redis = { connectionFor: of, trustedFor: of }
  const tokens = openRedisTokens(
    redis,
    openInProcessTokens(() => 0),
    () => {},
  )
  return { fake, tokens }
}

test('tokens that a call did not use are given back once Redis is there again', async () => {
  const { fake, tokens } = openFake()
  const decision = await tokens.take(limits, 100)
  fake.isAway = true
  if (decision.allowed) await tokens.settle(decision.taken, 30)
  expect(fake.settled).toEqual([])
  fake.isAway = false
  await tokens.take(limits, 100)
  expect(fake.settled).toEqual([[fake.taken[0] as string, 30]])
  await tokens.take(limits, 100)
  expect(fake.settled).toHaveLength(1)
})

test('tokens whose taking was not confirmed are given back, and the call takes local ones', async () => {
  const { fake, tokens } = openFake()
  fake.losesReplies = true
  expect(await tokens.take(limits, 100)).toMatchObject({ allowed: true })
  fake.losesReplies = false
  await tokens.take(limits, 100)
  expect(fake.settled).toEqual([[fake.taken[0] as string, 0]])
})
