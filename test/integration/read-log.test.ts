/** The log is read to its end, or the reading fails: at whatever row, and however the bytes come. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import { columns, LogEvent } from '../../src/projector/verify/log/log-event.ts'
import { readLog, takeRows } from '../../src/projector/verify/log/read-log.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

/** Several packets of the network. */
const count = 3_000

let ledger: Ledger
let sql: Sql
beforeAll(async () => {
  ledger = await openLedger()
  await ledger.account({ plan: 'free' })
  sql = connect({ url: ledger.url, as: 'reader', max: 1 })
  const others = columns.filter((name) => name !== 'position' && name !== 'actor')
  await sql.unsafe(`
    create temporary table many as
      select n::bigint as position, 'żółć 👩 ' || n as actor, ${others.map((name) => `e.${name}`).join(', ')}
      from events e cross join generate_series(1, ${count}) n where e.type = 'AccountOpened';
    create unique index on many (position);
    analyze many`)
})
afterAll(async () => {
  await sql?.end()
  await ledger?.close()
})

/** The positions that are read of `events`. */
async function read(events: string): Promise<number[]> {
  const positions: number[] = []
  await readLog(sql, events, new LogEvent(), ({ position }) => positions.push(position))
  return positions
}

const all = Array.from({ length: count }, (_, i) => i + 1)

describe('reading a log', () => {
  test('reads every row in order, and none where there is none', async () => {
    expect(await read('many')).toEqual(all)
    expect(await read('many where position < 0')).toEqual([])
  })

  test.each([1, 2, 30, count - 1, count])('fails where row %d does', async (at) => {
    const reading = read(`many where 1 / (position - ${at}) is not null`)
    await expect(reading).rejects.toThrow('division by zero')
    expect(await read('many')).toEqual(all)
  })

  test('fails where it cannot begin', async () => {
    await expect(read('nowhere')).rejects.toThrow('does not exist')
    expect(await read('many')).toEqual(all)
  })

  test.each([1, 2, 1_500, count])('ends where whoever follows throws at row %d', async (at) => {
    const followed: number[] = []
    const reading = readLog(sql, 'many', new LogEvent(), ({ position }) => {
      followed.push(position)
      if (position >= at) throw new Error('enough')
    })
    await expect(reading).rejects.toThrow('enough')
    // The rest comes and is discarded; until then the connection takes nothing else.
    const isTaken = (error: unknown) => (error as { code?: string }).code === 'COPY_IN_PROGRESS'
    let again: number[] | undefined
    await until(async () => {
      again = await read('many').catch((error) => {
        if (!isTaken(error)) throw error
        return undefined
      })
      return again !== undefined
    })
    expect(again).toEqual(all)
    expect(followed).toEqual(all.slice(0, at))
  })
})

describe('taking rows', () => {
  type Row = readonly [position: number, actor: string, payload: string, hash: string]

  function take(pieces: readonly Buffer[]): Row[] {
    const rows: Row[] = []
    const event = new LogEvent()
    const hash = columns.indexOf('event_hash')
    const takePiece = takeRows(event, ({ position, actor, payloadText }) => {
      const start = event.starts[hash] as number
      const end = start + (event.lengths[hash] as number)
      rows.push([position, actor, payloadText, event.bytes.toString('hex', start, end)])
    })
    for (const piece of pieces) takePiece(piece)
    return rows
  }

  test('takes the same wherever the bytes are cut', async () => {
    const stream = await sql
      .unsafe(
        `copy (select ${columns.join(', ')} from many where position <= 5 order by position) to stdout (format binary)`,
      )
      .readable()
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const whole = take([bytes])
    expect(whole.map(([position, actor]) => [position, actor])).toEqual(
      [1, 2, 3, 4, 5].map((n) => [n, `żółć 👩 ${n}`]),
    )
    for (let at = 0; at <= bytes.length; at++) {
      expect([at, take([bytes.subarray(0, at), bytes.subarray(at)])]).toEqual([at, whole])
    }
    expect(take(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(whole)
  })
})
