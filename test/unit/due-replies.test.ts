/** Whether PostgreSQL owes a reply, by the messages on the line, however they are cut. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { DueReplies } from '../../src/ledger/connection/due-replies.ts'

function message(type: string, body = ''): Buffer {
  const bytes = Buffer.alloc(5)
  bytes.write(type)
  bytes.writeUInt32BE(4 + Buffer.byteLength(body), 1)
  return Buffer.concat([bytes, Buffer.from(body)])
}

const codes: string[] = []
function started(): DueReplies {
  codes.length = 0
  const replies = new DueReplies((code) => codes.push(code))
  replies.sent(Buffer.from('a startup message, which has no type'))
  replies.received(Buffer.concat([message('R', '\0\0\0\0'), message('S', 'TimeZone\0UTC\0')]))
  expect(replies.isReady).toBe(false)
  replies.received(message('Z', 'I'))
  expect([replies.isReady, replies.isDue]).toEqual([true, false])
  return replies
}

const sync = Buffer.concat([message('P', 'x'), message('B', 'y'), message('E'), message('S')])
const result = Buffer.concat([
  message('1'),
  message('2'),
  message('D', 'row'),
  message('C', 'SELECT 1\0'),
])
const ready = message('Z', 'I')

test('each Sync and each simple query is owed one ReadyForQuery', () => {
  const replies = started()
  replies.sent(Buffer.concat([sync, sync]))
  replies.received(Buffer.concat([result, ready]))
  expect(replies.isDue).toBe(true)
  replies.sent(message('Q', 'select 1\0'))
  replies.received(Buffer.concat([result, ready]))
  expect(replies.isDue).toBe(true)
  replies.received(ready)
  expect(replies.isDue).toBe(false)
})

test('a Flush is owed a description, or rows and the word that there are more', () => {
  const replies = started()
  for (const reply of [
    message('T', 'columns'),
    message('n'),
    Buffer.concat([message('D', 'row'), message('s')]),
  ]) {
    replies.sent(Buffer.concat([message('E'), message('H')]))
    expect(replies.isDue).toBe(true)
    replies.received(reply)
    expect(replies.isDue).toBe(false)
  }
})

test('the code of an error is read, and the reply is still owed until the server is ready', () => {
  const replies = started()
  replies.sent(sync)
  replies.received(message('E', 'SERROR\0VERROR\0C25006\0Mcannot, \0\0'))
  expect([codes, replies.isDue]).toEqual([['25006'], true])
  replies.received(ready)
  expect(replies.isDue).toBe(false)
})

test('it does not matter where the bytes are cut', () => {
  const stream = Buffer.concat([result, message('E', 'C57P01\0Mbye\0\0'), ready, result, ready])
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
      const replies = started()
      replies.sent(Buffer.concat([sync, sync]))
      let from = 0
      for (const to of [...cuts.sort((a, b) => a - b), stream.length]) {
        replies.received(stream.subarray(from, to))
        from = to
      }
      expect([codes, replies.isDue]).toEqual([['57P01'], false])
    }),
  )
})
