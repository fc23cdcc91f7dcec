/** `tollbook events`, as its users run it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { runCli, startCli } from '../support/cli.ts'
import { type Json, openTestApp, type TestApp } from '../support/management-test-app.ts'
import { until } from '../support/until.ts'

let app: TestApp
let key: Json
let other: Json
let request: string

beforeAll(async () => {
  app = await openTestApp()
  key = await app.issue('anna')
  other = await app.issue('bob')
  await app.ledger.travelTo('2030-06-16T00:00:00Z')
  request = await app.charge(key.id, 3)
  await app.get('admin', 'PATCH', `/admin/api-keys/${other.id}`, {
    ...{ active: false, reason: 'by phone' },
  })
})
afterAll(() => app[Symbol.asyncDispose]())

const events = (args: string[]) => runCli(['events', ...args], { database: app.ledger.url })

/** The events that a command printed, a line each. */
async function listed(args: string[]): Promise<Json[]> {
  const { status, stdout, stderr } = await events([...args, '--json'])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

test('the log is listed whole, in its order, in plain words', async () => {
  const all = await listed([])
  expect(all).toHaveLength(await app.ledger.size())
  expect(all.map(({ position }) => position)).toEqual(all.map((_, i) => `0-${i + 1}`))
  const { stdout } = await events([])
  expect(stdout).toMatch(
    new RegExp(
      `^0-\\d+ +2030-06-16 00:00:00 ${key.id} +3 credits charged for a call of search$`,
      'm',
    ),
  )
  expect(stdout).toMatch(/Key disabled {2}by admin:\S+: by phone$/m)
  expect(stdout).not.toContain('\u001b')
})

test('it is listed by account, key, type, position and time', async () => {
  const types = async (args: string[]) => (await listed(args)).map(({ type }) => type)
  const calls = ['CreditsGranted', 'CreditsHeld', 'HoldSettled']
  expect(await types(['--account', key.accountId, '--from', '2030-06-16'])).toEqual(calls)
  expect(await types(['--key', other.id])).toEqual(['KeyIssued', 'KeyDisabled'])
  expect(await types(['--type', 'KeyIssued,KeyDisabled'])).toEqual([
    ...['KeyIssued', 'KeyIssued', 'KeyDisabled'],
  ])
  expect(await types(['--to', '2030-06-16', '--type', 'HoldSettled'])).toEqual([])
  expect(await types(['--from', '0-2', '--to', '0-4'])).toHaveLength(3)
  expect(await types(['--limit', '2'])).toHaveLength(2)
  const [held] = await listed(['--type', 'HoldSettled'])
  expect(held).toMatchObject({ requestId: request, credits: 3, accountId: key.accountId })
})

test('followed, events are printed as they come, each once', async () => {
  const child = startCli(['events', '--follow', '--from', '2030-06-16', '--json'], {
    database: app.ledger.url,
  })
  let text = ''
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of child.stdout as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk)
    }
  })()
  const seen = () =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line).position)
  const expected = async () => (await listed(['--from', '2030-06-16'])).map((e) => e.position)
  try {
    await until(() => seen().length >= 4)
    await app.charge(key.id, 1)
    await app.charge(key.id, 1)
    const all = await expected()
    await until(() => seen().length >= all.length)
    expect(seen()).toEqual(all)
  } finally {
    child.kill()
    await child.exited
    await reading
  }
})

test.each([
  ['there is no event KeyIsued; did you mean KeyIssued?', ['--type', 'KeyIsued']],
  ['--from takes a time', ['--from', 'yesterday']],
  ['--from and --to name positions of different shards', ['--from', '0-1', '--to', '1-4']],
  ['pass --follow or --limit, not both', ['--follow', '--limit', '3']],
])('one sentence explains the error, and the status is 1: %s', async (sentence, args) => {
  const { status, stdout, stderr } = await events(args)
  expect(stderr).toContain(sentence)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
})
