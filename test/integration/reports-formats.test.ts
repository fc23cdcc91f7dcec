// A statement as CSV and as a page, of a history in which everything happens that a statement can show.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addSums, type Sum, subtractSums } from '../../src/lib/sums.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import { statementCsv } from '../../src/reports/statement/statement-csv.ts'
import { entriesOf } from '../../src/reports/statement/statement-entries.ts'
import { statementPage } from '../../src/reports/statement/statement-page.ts'
import { sectionsOf } from '../../src/reports/statement/statement-sections.ts'
import type { Statement } from '../../src/reports/statement/statement-shape.ts'
import { browserProgram, startBrowser } from '../support/browser.ts'
import { runCli } from '../support/cli.ts'
import { leaseCommand } from '../support/gateway.ts'
import { buildLedger, type LedgerBuilder, type TestKey } from '../support/ledger-builder.ts'

const folder = mkdtempSync(join(tmpdir(), 'tollbook-statement-'))
const october = '2031-10'
let ledger: LedgerBuilder
let key: TestKey

beforeAll(async () => {
  ledger = await buildLedger()
  await ledger.at('2031-09-20T00:00:00Z')
  key = await ledger.openAccount('pro')
  await ledger.grant(key, 70, { externalId: 'a "lot", of <b>many</b>' })
  await ledger.charge(key, { credits: 5 })
  await ledger.at('2031-10-05T10:00:00Z')
  const refunded = await ledger.charge(key, { credits: 30 })
  await ledger.charge(key, { credits: 8, quantity: 5_000, endpoint: 'speech' })
  await ledger.count(key, 12)
  await ledger.adjust(key, 1_500, 'too-much')
  await ledger.at('2031-10-25T00:30:00Z')
  await ledger.refund({ requestId: refunded, credits: 10 })
  await ledger.grant(key, 600, { paid: { minorUnits: 4_900, currency: 'EUR' } })
  await ledger.grant(key, 100, { kind: 'promotional', expiresAt: '2031-10-28T00:00:00Z' })
  await ledger.at('2031-10-31T23:30:00Z')
  await ledger.hold(key, { credits: 6 })
  await ledger.at('2031-11-03T00:00:00Z')
})

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await ledger[Symbol.asyncDispose]()
})

describe('entries', () => {
  test.each([false, true])('add up to the closing, with every charge listed: %p', async (lines) => {
    for (const timeZone of ['UTC', 'Pacific/Auckland', 'America/St_Johns']) {
      const found = await statementOf({ lines, timeZone })
      const entries = entriesOf(found)
      const closing = entries.filter(({ entry }) => entry === 'closing')
      const sum = entries
        .filter(({ entry }) => entry !== 'closing')
        .reduce<Sum>((total, { credits }) => addSums(total, credits ?? 0), 0)
      expect(closing).toMatchObject([{ credits: sum }])
      expect(sum).toBe(found.account?.totals.closing ?? Number.NaN)
      const debts = entries.reduce((total, { debt }) => total + (debt ?? 0), 0)
      const { closing: owed = 0, opening: owedBefore = 0 } = found.account?.debt ?? {}
      expect(debts).toBe(Number(subtractSums(owed, owedBefore)))
      const calls = entries.reduce<Sum>((total, { calls }) => addSums(total, calls ?? 0), 0)
      expect(calls).toBe(found.charges.calls)
    }
  })

  test('every kind of entry is there', async () => {
    const kinds = new Set(entriesOf(await statementOf({})).map(({ entry }) => entry))
    expect([...kinds].sort()).toEqual([
      ...['adjustment', 'charge', 'closing', 'debt', 'fee', 'grant', 'held', 'lapse'],
      ...['opening', 'refund'],
    ] as never)
  })
})

test('an open lease has no endpoint, and people read that it is a lease', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T10:00:00Z')
  const key = await ledger.openAccount('pro')
  await ledger.ledger.append(leaseCommand(key, 4, 2))
  const request = { accountId: key.accountId, month: october }
  const found = (await readStatement(ledger.ledger.sql, request)) as Statement
  expect(found.held).toMatchObject([{ endpoint: null, credits: 4 }])
  const held = sectionsOf(found, undefined).find(({ title }) => title.startsWith('Held'))
  expect(held?.rows[0]).toContain('lease')
})

describe('CSV', () => {
  test('texts that need it are quoted, and every line has all fields', async () => {
    const csv = statementCsv(await statementOf({ month: '2031-09' }))
    expect(csv).toContain(',"a ""lot"", of <b>many</b>",')
    for (const line of csv.trimEnd().split('\r\n')) {
      const fields = line.replaceAll(/"(?:[^"]|"")*"/g, '').split(',')
      expect(fields).toHaveLength(23)
    }
  })

  test('the command line prints it', async () => {
    const { stdout, status } = await cli(['--csv', '--lines'])
    expect(status).toBe(0)
    expect(stdout).toBe(statementCsv(await statementOf({ lines: true })))
  })
})

describe('the page', () => {
  test("others' texts stand on it as texts", async () => {
    const page = statementPage(await statementOf({ month: '2031-09' }))
    expect(page).toContain('a &quot;lot&quot;, of &lt;b&gt;many&lt;/b&gt;')
    expect(page).not.toContain('<b>')
  })

  test('the command line writes it, with times as the zone has them', async () => {
    const file = join(folder, 'october.html')
    const { stdout, stderr, status } = await cli(['--html', file, '--tz', 'Europe/Berlin'])
    expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 })
    const page = readFileSync(file, 'utf8')
    expect(page).toBe(statementPage(await statementOf({ timeZone: 'Europe/Berlin' })))
    expect(page).toContain('2031-10-25 02:30:00')
  })

  const program = browserProgram()
  test.skipIf(!program)('fits on paper, and asks for nothing', async () => {
    const text = statementPage(await statementOf({ lines: true }))
    const headers = { 'content-type': 'text/html; charset=utf-8' }
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => new Response(text, { headers }),
    })
    const browser = await startBrowser(program ?? '')
    try {
      const { page, asked, complaints } = await browser.open(server.url.href)
      expect({ asked, complaints }).toEqual({ asked: [server.url.href], complaints: [] })
      expect(await page.locator('table').count()).toBeGreaterThan(5)
      await page.emulateMedia({ media: 'print' })
      // A4 landscape less its margins, at 96 dots an inch.
      await page.setViewportSize({ width: 1_031, height: 702 })
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(1_031)
      const paper = await page.pdf({ preferCSSPageSize: true })
      expect(paper.subarray(0, 5).toString()).toBe('%PDF-')
    } finally {
      await browser.close()
      await server.stop(true)
    }
  })
})

describe('the command line', () => {
  test('prints a statement as of a position and a day of any zone', async () => {
    const [settled] = await ledger.sql<{ position: number }[]>`
      select position from events where type = 'HoldSettled' and endpoint = 'search'
        and occurred_at >= '2031-10-01' order by position limit 1`
    const { stdout } = await cli(['--as-of', `0-${settled?.position}`, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      asOf: { position: `0-${settled?.position}`, time: '2031-10-05T10:00:00.000Z' },
      charges: { calls: 1, credits: 30 },
    })
    const day = ['--day', '2031-10-05', '--tz', 'Pacific/Kiritimati']
    const ran = await runCli(['report', 'statement', '--account', key.accountId, ...day], {
      database: ledger.url,
    })
    expect(ran.stdout).toContain('2031-10-05 00:00:00 to 2031-10-06 00:00:00 Pacific/Kiritimati')
    expect(ran.stdout).toContain('No calls.')
  })

  test.each([
    ['no time zone', ['--tz', 'Mars/Olympus']],
    ['has not come that far', ['--as-of', '0-99999999']],
    ['--as-of takes a time', ['--as-of', 'noon']],
    ['pass one of --csv, --html and --json', ['--csv', '--json']],
    ['of when?', ['--day', '2031-10-05']],
  ])('"%s" is said in a sentence', async (sentence, args) => {
    const { status, stdout, stderr } = await cli(args)
    expect(stderr).toContain(sentence)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  })
})

async function statementOf(more: {
  month?: string
  lines?: boolean
  timeZone?: string
}): Promise<Statement> {
  const found = await readStatement(ledger.sql, {
    accountId: key.accountId,
    month: october,
    ...more,
  })
  if (!found) throw new Error('no statement')
  return found
}

function cli(args: readonly string[]) {
  const of = ['report', 'statement', '--account', key.accountId, '--month', october]
  return runCli([...of, ...args], { database: ledger.url })
}
