/** What only evidence from outside can tell is named once it is given: a gateway's marks, and a backup. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { HighWaterMarks } from '../../src/ledger/append/high-water-marks.ts'
import { acceptLoss } from '../../src/ledger/commands/owner-commands.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { hashAgain } from '../mutations/copies.ts'
import { runCli } from '../support/cli.ts'
import { putShippedClock } from '../support/shipped-clock.ts'
import { makeKeyFiles } from '../support/signing-keys.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { openTriggerless } from '../support/vandal.ts'

let folder: string
let ledger: Ledger
let key: TestKey
let vandal: Sql
/** Where the log ended when the backup was made, and when the gateway saw it last. */
let [backedUp, seen] = [0, 0]
let keys: ReturnType<typeof makeKeyFiles>
const [backup, marks] = ['ledger.jsonl.gz', 'seen.json']
const pathOf = (file: string) => join(folder, file)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollbook-evidence-'))
  keys = makeKeyFiles(folder)
  ledger = await openLedger()
  key = await ledger.key(await ledger.account())
  vandal = await openTriggerless(ledger.url)
  await call()
  backedUp = await ledger.size()
  const made = await runCli(['backup', pathOf(backup), '--sign-with', keys.privateFile], {
    database: ledger.url,
  })
  expect(made.status).toBe(0)
  await call()
  seen = await ledger.size()
  await noteMarks(marks)
  await call()
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await vandal?.end()
  await ledger?.close()
})

async function call(): Promise<void> {
  const { hold } = await ledger.hold(key, 2)
  await ledger.settle(hold, 1)
}

async function noteMarks(file: string): Promise<void> {
  const marks = new HighWaterMarks()
  const [head] = await ledger.sql<[{ epoch: number; position: number; hash: string }]>`
    select epoch, position, encode(event_hash, 'hex') as hash from heads`
  marks.raise(0, head)
  await marks.store(ledger.sql, pathOf(file))
}

interface Found {
  readonly status: number
  readonly sound: boolean
  readonly files: readonly { readonly faulty: number; readonly faults: readonly string[] }[]
  readonly onlyFromOutside: readonly string[]
}

async function verify(...files: string[]): Promise<Found> {
  await putShippedClock(ledger.owner)
  const mark = files.length > 0 ? ['--mark', files.map(pathOf).join(',')] : []
  const { status, stdout, stderr } = await runCli(['verify', '--json', ...mark], {
    database: ledger.url,
  })
  await ledger.travelTo(ledger.now)
  if (stdout === '') throw new Error(stderr)
  return { status, ...JSON.parse(stdout) }
}

/** The log as it was, whatever the work does to it. */
async function whileChanged(
  change: () => Promise<unknown>,
  work: () => Promise<void>,
): Promise<void> {
  await vandal`create table saved as table events`
  await vandal`create table saved_heads as table heads`
  try {
    await change()
    await work()
  } finally {
    await vandal`delete from events`
    await vandal`insert into events table saved`
    await vandal`delete from heads`
    await vandal`insert into heads table saved_heads`
    await vandal`drop table saved, saved_heads`
  }
}

test('what agrees is said with how far it goes, and less is left that only evidence can tell', async () => {
  const without = await verify()
  expect(without).toMatchObject({ sound: true, files: [] })
  expect(without.onlyFromOutside.join()).not.toContain('after')
  const seenOnly = await verify(marks)
  expect(seenOnly).toMatchObject({ sound: true, files: [{ upTo: [`0-${seen}`], faulty: 0 }] })
  expect(seenOnly.onlyFromOutside[0]).toContain(`events after 0-${seen} are missing`)
  expect(seenOnly.onlyFromOutside[1]).toContain('as a whole')
  const both = await verify(marks, backup)
  expect(both).toMatchObject({ status: 0, sound: true })
  expect(both.files).toMatchObject([
    { kind: 'gateway' },
    { kind: 'backup', upTo: [`0-${backedUp}`] },
  ])
  expect(both.onlyFromOutside[0]).toContain(`events after 0-${seen} are missing`)
  expect(both.onlyFromOutside[1]).toContain(`anew after 0-${backedUp}`)
  expect(both.onlyFromOutside[2]).toContain(`events after 0-${backedUp} say`)
})

test('events cut off at the end, with the head put back, are named by whoever has seen them', async () => {
  const cut = async () => {
    await vandal`delete from events where position > ${backedUp}`
    await vandal`update heads h set position = e.position, event_hash = e.event_hash, recorded_at = e.recorded_at
      from events e where e.position = ${backedUp}`
  }
  await whileChanged(cut, async () => {
    expect((await verify()).status).toBe(1) // The projections go on.
    const { sound, files } = await verify(marks, backup)
    expect(sound).toBe(false)
    expect(files.map(({ faults }) => faults)).toEqual([
      [`it has seen 0-${seen} of epoch 1, and the log ends at 0-${backedUp}`],
      [],
    ])
  })
})

test('an event that nothing else speaks of, changed with its hash, is named by a backup', async () => {
  const change = async () => {
    await vandal`update events set status = 418 where position = ${backedUp}`
    await hashAgain(vandal, [backedUp])
  }
  await whileChanged(change, async () => {
    const { sound, files } = await verify(marks, backup)
    expect(sound).toBe(false)
    expect(files.map(({ faults }) => faults)).toEqual([
      [],
      [`0-${backedUp} is another event in the log, or missing there`],
    ])
  })
})

test('the event that a gateway saw last is named when it is another', async () => {
  const change = async () => {
    await vandal`update events set status = 418 where position = ${seen}`
    await hashAgain(vandal, [seen])
  }
  await whileChanged(change, async () => {
    const { files } = await verify(marks)
    expect(files[0]?.faults).toEqual([
      `it has seen 0-${seen} of epoch 1, and the log has another event there`,
    ])
  })
})

test('what is no evidence is refused, and a mark of another ledger named', async () => {
  writeFileSync(
    pathOf('other.json'),
    readFileSync(pathOf(marks), 'utf8').replace(/"ledger":"../, '"ledger":"zz'),
  )
  const { files } = await verify('other.json')
  expect(files[0]?.faults).toEqual(['it is of another ledger, or the first event was changed'])
  writeFileSync(pathOf('text'), 'nothing')
  await expect(verify('text')).rejects.toThrow('is no evidence: --mark takes the --state file')
  await expect(verify('nowhere')).rejects.toThrow(`there is no file ${pathOf('nowhere')}`)
  await expect(verify('.')).rejects.toThrow('is a folder: name a file in it')
  const other = makeKeyFiles(folder)
  const refused = await runCli(
    ['verify', '--mark', pathOf(backup), '--signed-by', other.publicFile],
    {
      database: ledger.url,
    },
  )
  expect(refused.status).toBe(1)
  expect(refused.stderr).toContain('is no evidence: it is signed by the key')
})

test.each([
  'null',
  '{}',
  '{"ledger":"00","shards":[]}',
  '{"ledger":"00","shards":[null]}',
  '{"ledger":"00","shards":[{}]}',
  '{"ledger":"00","shards":[{"shard":0,"epoch":1,"position":"2","hash":"00"}]}',
  '{"ledger":"00","shards":[{"shard":0,"epoch":1,"position":2,"hash":"no"}]}',
  '{"ledger":"00","shards":[{"shard":40000,"epoch":1,"position":2,"hash":"00"}]}',
])('a mark file that is %s is no evidence, and no gateway starts on it', async (text) => {
  writeFileSync(pathOf('wrong.json'), text)
  await expect(verify('wrong.json')).rejects.toThrow('is no evidence: --mark takes the --state')
  await expect(new HighWaterMarks().load(ledger.sql, pathOf('wrong.json'))).rejects.toThrow(
    'it does not say what was seen of a ledger',
  )
})

test.each(['[]', '[null]', '[{}]', '[{"shard":0,"epoch":1,"position":null}]'])(
  'a backup whose head has the shards %s is no evidence',
  async (shards) => {
    writeFileSync(pathOf('wrong.gz'), gzipSync(`{"head":{"format":4,"shards":${shards}}}\n`))
    await expect(verify('wrong.gz')).rejects.toThrow('is no evidence: it does not begin like a')
  },
)

async function printed(file: string, options: { signedBy?: string } = {}) {
  await putShippedClock(ledger.owner)
  const { signedBy } = options
  const { status, stdout, stderr } = await runCli(['verify', '--mark', pathOf(file)], {
    database: ledger.url,
    ...(signedBy !== undefined && { env: { BACKUP_SIGNED_BY: signedBy } }),
  })
  await ledger.travelTo(ledger.now)
  return {
    status,
    stderr,
    line: stdout.split('\n').find((line) => line.includes(` ${pathOf(file)} `)),
    stdout,
  }
}

test('the key is read where there is a backup, and a backup says whether its signature was checked', async () => {
  const signedBy = pathOf('no.pub')
  expect(await printed(marks, { signedBy })).toMatchObject({ status: 0 })
  const refused = await printed(backup, { signedBy })
  expect(refused.stderr).toContain(`there is no file ${signedBy}`)
  const { line } = await printed(backup)
  expect(line).toEndWith(`has the events up to 0-${backedUp}, and its signature was not checked`)
  const checked = await printed(backup, { signedBy: keys.publicFile })
  expect(checked.line).toContain(`up to 0-${backedUp}, signed by SHA256:`)
})

test('the verdict says what is not what, and where it stands what to do', async () => {
  await vandal`update balances set debt = debt + 1`
  try {
    const { status, stdout } = await printed(marks)
    expect(status).toBe(1)
    expect(stdout).toMatch(
      /The ledger is NOT what its log says: \d+ faults?\. What to do: docs\/RUNBOOK\.md#ledgerdiffers/,
    )
  } finally {
    await vandal`update balances set debt = debt - 1`
  }
  writeFileSync(
    pathOf('far.json'),
    readFileSync(pathOf(marks), 'utf8').replace(/"position":\d+/, '"position":99'),
  )
  expect((await printed('far.json')).stdout).toContain(
    'The log is NOT what was seen of it: 1 fault.',
  )
})

/** The log as a backup of the first epoch has it. */
async function putBack(): Promise<void> {
  await vandal`delete from events where position > ${seen}`
  await vandal`update heads h set epoch = 1, position = e.position, event_hash = e.event_hash, recorded_at = e.recorded_at
    from events e where e.position = ${seen}`
}

test('what was lost since, and accepted, is no fault, and tells nothing of what came after', async () => {
  await noteMarks('later.json')
  const lost = await ledger.size()
  const later = 'later.jsonl.gz'
  const made = await runCli(['backup', pathOf(later), '--unsigned'], { database: ledger.url })
  expect(made.status).toBe(0)
  await putBack()
  await acceptLoss(ledger.owner, 0, 'a disk was lost')
  await ledger.advance(1000)
  const { files, onlyFromOutside } = await verify('later.json', backup, later)
  const common = { faults: [], upTo: [`0-${seen}`] }
  const ofLost = [{ from: `0-${seen + 1}`, upTo: `0-${lost}` }]
  expect(files).toMatchObject([
    { ...common, lost: ofLost },
    { faults: [], upTo: [`0-${backedUp}`], lost: [] },
    { ...common, lost: ofLost },
  ])
  const accepted = `; 0-${seen + 1} to 0-${lost} were lost, which the owner accepted at 0-${seen + 1}`
  expect((await printed('later.json')).line).toEndWith(
    `has seen the log up to 0-${seen}${accepted}`,
  )
  expect((await printed(later)).line).toContain(`has the events up to 0-${seen}, `)
  expect(onlyFromOutside[0]).toContain(`events after 0-${seen} are missing`)
})

test('what was noted between two restores of one backup differs, for it is of another log', async () => {
  await noteMarks('between.json')
  await putBack()
  await ledger.advance(1000)
  await acceptLoss(ledger.owner, 0, 'it was the wrong disk')
  await ledger.advance(1000)
  const { sound, files } = await verify(marks, 'between.json')
  expect(sound).toBe(false)
  expect(files.map(({ faults }) => faults)).toEqual([
    [],
    [`it has seen 0-${seen + 1} of epoch 2, and the log has another event there`],
  ])
})
