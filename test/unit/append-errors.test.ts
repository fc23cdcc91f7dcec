/** What becomes of a batch that the ledger does not reply to, or replies to with an error: scripted, for servers rarely do it. */
import { afterEach, describe, expect, setSystemTime, test } from 'bun:test'
import postgres from 'postgres'
import type {
  AppendConnection,
  AppendRow,
  SentBatch,
} from '../../src/ledger/append/append-connection.ts'
import { type Appender, openAppender } from '../../src/ledger/append/appender.ts'
import { HighWaterMarks } from '../../src/ledger/append/high-water-marks.ts'
import { CommandRefused, LedgerUnavailable } from '../../src/ledger/unavailable.ts'
import { holdCommand } from '../support/gateway.ts'

const end = {
  recorded_at: '2030-06-15 12:00:00+00',
  log_epoch: '1',
  log_position: '7',
  log_hash: 'ab',
}
const key = {
  ...{ shard: 0, keyId: 'k', accountId: 'a', mode: 'live' as const, version: 1 },
  ...{ account: { version: 1 }, tariff: () => 't' },
}
const hold = (actor = 'key:k') => holdCommand(key, 1, { actor })

type Reply = (batch: SentBatch, sent: number) => Partial<AppendRow> | Error

let appender: Appender | undefined
afterEach(() => {
  appender?.close()
  setSystemTime()
})

/** An appender whose ledger replies so; what it sent. */
function openScripted(reply: Reply): { appender: Appender; sent: SentBatch[] } {
  const sent: SentBatch[] = []
  const connection: AppendConnection = {
    register: async () => ({ outcome: 'opened', ...end }),
    async append(batch) {
      sent.push(batch)
      const row = reply(batch, sent.length)
      if (row instanceof Error) throw row
      return { ...appended(batch), ...row }
    },
  }
  appender = openAppender({
    ...{ connection, shard: 0, instance: 'gw', marks: new HighWaterMarks(), timeoutMs: 5_000 },
  })
  return { appender, sent }
}

function appended({ columns }: SentBatch): AppendRow {
  const size = columns[0] === '' ? 0 : (columns[0] as string).split('\n').length
  const words = (word: string) => Array(size).fill(word).join(' ')
  return {
    ...{ outcome: 'appended', ...end },
    ...{ verdicts: words('ok'), positions: words('7'), available: words('100') },
  }
}

function serverError(code: string, more: object = {}): Error {
  const PostgresError = postgres.PostgresError as unknown as new (fields: object) => Error
  return new PostgresError({
    code,
    message: `an error of code ${code}`,
    severity: 'ERROR',
    ...more,
  })
}

describe('the same batch is sent again, under its number, after', () => {
  test.each(['08006', '40001', '53300', '57P01', '57014', '55P03', '25006'])(
    'an error of the server: %s',
    async (code) => {
      const { appender, sent } = openScripted((_, nth) => (nth < 3 ? serverError(code) : {}))
      expect((await appender.append(hold())).verdict).toBe('ok')
      expect(sent.map(({ sequence }) => sequence)).toEqual([1, 1, 1])
      expect(new Set(sent.map(({ content }) => content)).size).toBe(1)
    },
  )

  test('an error with which the server ends the connection, such as of a database that takes none', async () => {
    const fatal = serverError('55000', { severity: 'FATAL' })
    const { appender, sent } = openScripted((_, nth) => (nth === 1 ? fatal : {}))
    expect((await appender.append(hold())).verdict).toBe('ok')
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 1])
  })

  test('a lost connection', async () => {
    const lost = Object.assign(new Error('gone'), { code: 'CONNECTION_CLOSED' })
    const { appender, sent } = openScripted((_, nth) => (nth === 1 ? lost : {}))
    expect((await appender.append(hold())).verdict).toBe('ok')
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 1])
  })
})

describe('a batch is narrowed down to the command at fault after', () => {
  test.each(['22003', '22P05', '23514', '42883', '54000', 'P0001', 'XX000'])(
    'an error of code %s',
    async (code) => {
      const isBad = ({ columns }: SentBatch) => columns.some((text) => text?.includes('wrong'))
      const { appender } = openScripted((batch) => (isBad(batch) ? serverError(code) : {}))
      const commands = ['a', 'b', 'wrong', 'c', 'd', 'e'].map(hold)
      const results = await Promise.allSettled(commands.map(appender.append))
      expect(results.map(({ status }) => status)).toEqual(
        commands.map(({ actor }) => (actor === 'wrong' ? 'rejected' : 'fulfilled')),
      )
      const { reason } = results[2] as PromiseRejectedResult
      expect(reason).toBeInstanceOf(CommandRefused)
      expect(reason.message).toContain(code)
    },
  )

  test('a request that was opened already: that is its verdict', async () => {
    const taken = serverError('23505', { constraint_name: 'events_0000000000000_openings' })
    const isBad = ({ columns }: SentBatch) => columns.some((text) => text?.includes('again'))
    const { appender } = openScripted((batch) => (isBad(batch) ? taken : {}))
    const results = await Promise.all(['a', 'again', 'b'].map(hold).map(appender.append))
    expect(results.map(({ verdict }) => verdict)).toEqual(['ok', 'duplicate_request', 'ok'])
  })
})

describe('a reply', () => {
  test('of which one result cannot be read: that command’s charge is unknown, the others have their verdicts', async () => {
    const { appender } = openScripted(() => ({ available: '100 9007199254740993 100' }))
    const results = await Promise.allSettled([hold(), hold(), hold()].map(appender.append))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const { reason } = results[1] as PromiseRejectedResult
    expect(reason).toBeInstanceOf(LedgerUnavailable)
    expect(reason.mayBeWritten).toBe(true)
  })

  test.each([
    ['with fewer verdicts than commands', { verdicts: 'ok' }],
    ['that does not say where the log ends', { log_position: 'x' }],
    ['of an outcome that is none', { outcome: 'perhaps' }],
  ])('%s: asked for again, and then the producer is abandoned', async (_, row) => {
    let isBroken = true
    const { appender, sent } = openScripted(() => (isBroken ? row : {}))
    const results = await Promise.allSettled([hold(), hold()].map(appender.append))
    for (const result of results) {
      expect(result.status).toBe('rejected')
      const { reason } = result as PromiseRejectedResult
      expect(reason).toMatchObject({ name: 'LedgerUnavailable', mayBeWritten: true })
    }
    isBroken = false
    expect((await appender.append(hold())).verdict).toBe('ok')
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 1, 1, 1])
    expect(sent[3]?.producer).not.toBe(sent[0]?.producer)
  })
})

describe('a producer that may not go on', () => {
  test.each(['unknown_producer', 'fenced', 'loss_accepted', 'superseded'])(
    'because it is %s registers under another name, and what was not sent before is sent by that',
    async (outcome) => {
      const { appender, sent } = openScripted((_, nth) => (nth === 1 ? { outcome } : {}))
      expect((await appender.append(hold())).verdict).toBe('ok')
      expect(sent[1]?.producer).not.toBe(sent[0]?.producer)
    },
  )

  test('leaves without a known fate what it had sent before', async () => {
    const { appender } = openScripted((_, nth) =>
      nth === 1 ? serverError('57P01') : nth === 2 ? { outcome: 'fenced' } : {},
    )
    await expect(appender.append(hold())).rejects.toMatchObject({ mayBeWritten: true })
    expect((await appender.append(hold())).verdict).toBe('ok')
  })
})
