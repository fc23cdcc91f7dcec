/** A backup that somebody has changed, cut or forged is refused by name, before anything of it reaches PostgreSQL. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import type { BackupEnd } from '../../src/ledger/backup/backup-format.ts'
import { openSigner, openTrustedKeys } from '../../src/ledger/backup/backup-signature.ts'
import { checkBackup } from '../../src/ledger/backup/check-backup.ts'
import { restoreBackup } from '../../src/ledger/backup/restore-backup.ts'
import { RestoreRefused } from '../../src/ledger/backup/restore-refused.ts'
import { readLines } from '../../src/lib/read-lines.ts'
import { backupOf, given, restoreUnsigned } from '../support/backup.ts'
import { createDatabase } from '../support/postgres.ts'
import { makeKeys } from '../support/signing-keys.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'

const own = makeKeys()
const thief = openSigner(makeKeys().privatePem)
const trusted = openTrustedKeys(own.publicPem)

let ledger: Ledger
/** Of the ledger, and of the same a few events earlier. */
let lines: string[]
let earlier: string[]
let unsigned: string[]

beforeAll(async () => {
  ledger = await openLedger()
  const key = await ledger.key(await ledger.account())
  const { hold } = await ledger.hold(key, 5, { claim: { key: 'claim', requestHash: 'hash' } })
  const signer = openSigner(own.privatePem)
  earlier = await backupOf(ledger.owner, { signer })
  await ledger.sql`select store_response_v1(0::smallint, ${key.keyId}, 'claim', ${hold.requestId}, 1, '\\x00')`
  await ledger.settle(hold, 3)
  lines = await backupOf(ledger.owner, { signer })
  unsigned = await backupOf(ledger.owner)
})
afterAll(() => ledger.close())

async function faultOf(changed: readonly string[], by?: 'anybody') {
  try {
    await checkBackup(given(changed), by ? undefined : trusted, () => {})
    return 'sound'
  } catch (error) {
    if (error instanceof RestoreRefused) return error.fault
    throw error
  }
}

/** Ends lines as a backup that nobody has signed ends, with the right counts and hash. */
function ended(changed: readonly string[]): string[] {
  const rows = changed.filter((line) => !/^{"(end|signature)"/.test(line))
  const { end } = JSON.parse(changed.find((line) => line.startsWith('{"end"')) ?? '') as {
    end: BackupEnd
  }
  const text = rows.map((line) => `${line}\n`).join('')
  const sha256 = createHash('sha256').update(text).digest('hex')
  const count = (word: string) => rows.filter((line) => line.startsWith(`{"${word}"`)).length
  const counts = { ...end, events: count('event'), commands: count('command') }
  return [...rows, JSON.stringify({ end: { ...counts, sha256 } })]
}

const signedAs = (changed: readonly string[], by: string) =>
  changed.map((line, i) => (i === 0 ? line.replace(/"signedBy":[^,]*/, `"signedBy":${by}`) : line))

const forged = () => lines.map((line) => line.replace('"HoldSettled"', '"HoldReleased"'))
const mine = () => JSON.stringify(trusted[0]?.fingerprint)

test('what nobody has changed is sound, and unsigned is taken only where that was said', async () => {
  expect(lines.map((line) => line.slice(2, line.indexOf('"', 2)))).toEqual(
    expect.arrayContaining(['head', 'secret', 'command', 'response', 'event', 'end', 'signature']),
  )
  expect(await faultOf(lines)).toBe('sound')
  expect(await faultOf(earlier)).toBe('sound')
  expect(await faultOf(unsigned)).toBe('unsigned')
  expect(await faultOf(unsigned, 'anybody')).toBe('sound')
})

test.each<[string, () => string[], string]>([
  [
    'two lines are exchanged',
    () => [...lines.slice(0, 3), lines[4] ?? '', lines[3] ?? '', ...lines.slice(5)],
    'changed',
  ],
  ['a line is missing', () => lines.toSpliced(3, 1), 'changed'],
  ['a line stands twice', () => lines.toSpliced(3, 0, lines[3] ?? ''), 'changed'],
  ['a line is appended', () => [...lines, lines[3] ?? ''], 'changed'],
  ['an empty line is appended', () => [...lines, ''], 'changed'],
  ['another backup is appended', () => [...lines, ...earlier], 'changed'],
  ['a line is inserted before the end', () => lines.toSpliced(-2, 0, lines[3] ?? ''), 'changed'],
  ['the signature is missing', () => lines.slice(0, -1), 'cut_off'],
  ['the end is missing', () => lines.slice(0, -2), 'cut_off'],
  [
    'the signature is of another backup',
    () => [...lines.slice(0, -1), earlier.at(-1) ?? ''],
    'forged',
  ],
  [
    'end and signature are of another backup',
    () => [...lines.slice(0, -2), ...earlier.slice(-2)],
    'changed',
  ],
  [
    'an event is changed, and the end made again',
    () => [...ended(forged()), lines.at(-1) ?? ''],
    'forged',
  ],
  [
    'the newest event is left out, and the end made again',
    () => [...ended(lines.toSpliced(-3, 1)), lines.at(-1) ?? ''],
    'forged',
  ],
  ['its signature is taken off', () => ended(signedAs(lines, 'null')), 'unsigned'],
  [
    'another key has signed it',
    () => {
      const made = ended(signedAs(forged(), JSON.stringify(thief.fingerprint)))
      return [...made, thief.sign(made.at(-1) ?? '')]
    },
    'other_key',
  ],
  [
    'another key has signed it in the name of the trusted one',
    () => {
      const made = ended(forged())
      const by = `"by":${mine()}`
      return [...made, thief.sign(made.at(-1) ?? '').replace(/"by":"[^"]*"/, by)]
    },
    'forged',
  ],
  [
    'a hash is signed that the lines do not have',
    () => {
      const made = ended(lines)
      return [...forged().slice(0, -2), made.at(-1) ?? '', lines.at(-1) ?? '']
    },
    'changed',
  ],
  [
    'it is said to be of a format that was not signed',
    () =>
      ended(
        lines.map((line) =>
          line.replace('"format":4', '"format":3').replace(/"signedBy":[^,]*,/, ''),
        ),
      ),
    'unsigned',
  ],
])('refused, by name, when %s', async (_, change, fault) => {
  expect(await faultOf(change())).toBe(fault)
})

test('refused when any byte is another, and wherever it is cut off', async () => {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  const faultOfBytes = async (changed: Uint8Array) => {
    async function* chunk() {
      yield changed
    }
    const check = checkBackup(readLines(chunk(), 1_000_000), trusted, () => {})
    return check.then(
      () => 'sound',
      (error: Error) => error.name,
    )
  }
  expect(await faultOfBytes(bytes)).toBe('sound')
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
    const found = [await faultOfBytes(changed), await faultOfBytes(bytes.subarray(0, at))]
    for (const name of found)
      expect([at, name]).toEqual([at, expect.stringMatching(/^(RestoreRefused|LineFault)$/)])
  }
})

test('refused when it changes after it was checked', async () => {
  const checked = await checkBackup(given(lines), trusted, () => {})
  const database = await createDatabase()
  const restoring = restoreBackup(
    database.url,
    checked,
    given(earlier),
    () => {},
    async () => {},
  )
  const fault = await restoring.then(
    () => 'restored',
    (error: RestoreRefused) => error.fault,
  )
  await database.drop()
  expect(fault).toBe('changed')
})

test.each([
  ['an event does not have its hash', forged, 'does not have the hash'],
  [
    'an event cannot be read',
    () => lines.map((line) => line.replace('{"event" : [0, 1, ', '{"event" : [0, "x", ')),
    'it has a line that no backup has',
  ],
  [
    'the log has a gap, and its head says so',
    () => lines.filter((line) => !line.startsWith('{"event" : [0, 1, ')),
    'does not have all its events',
  ],
  [
    'the log ends earlier than its head says',
    () => lines.map((line, i) => (i === 0 ? line.replace(/"hash":"..../, '"hash":"0000') : line)),
    'does not end as its head says',
  ],
])('whoever made it: refused when %s', async (_, change, sentence) => {
  const database = await createDatabase()
  const restoring = restoreUnsigned(database.url, ended(signedAs(change(), 'null')))
  const message = await restoring.then(
    () => 'restored',
    (error: Error) => error.message,
  )
  await database.drop()
  expect(message).toContain(sentence)
})
