/** What an Idempotency-Key is bound to. */
import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { claimOf } from '../../src/proxy/request/idempotency-claim.ts'

const apiKey = { accountSecret: Buffer.from('secret'), keyId: 'key' }

function hashOf(body: string, boundary?: string, type?: string): string | undefined {
  const request = new Request('http://localhost/v1/x', { method: 'POST' })
  const bytes = new Uint8Array(Buffer.from(body, 'latin1'))
  const more = { ...(boundary !== undefined && { boundary }), ...(type !== undefined && { type }) }
  return claimOf('one', request, '/v1/x', { bytes, content: {}, ...more }, {}, apiKey)?.requestHash
}

/** The hash of this text behind method and target. */
const expected = (text: string) =>
  createHmac('sha256', 'secret').update(`POST /v1/x\n${text}`, 'latin1').digest('hex').slice(0, 32)

describe('the hash of a request', () => {
  test('is of its bytes', () => {
    expect(hashOf('{"a":1}')).toBe(expected('{"a":1}'))
  })

  test('is of its type, too, where the upstream goes by it', () => {
    expect(hashOf('x', undefined, 'text/plain')).toBe(expected('text/plain\nx'))
  })

  test('leaves the boundary of a form out, and nothing else', () => {
    const form = (boundary: string) =>
      `--${boundary}\r\nhead\r\n\r\none\r\n--${boundary}\r\nhead\r\n\r\ntwo B\r\n--${boundary}--\r\n`
    expect(hashOf(form('B'), 'B')).toBe(
      expected('--\r\nhead\r\n\r\none\r\n--\r\nhead\r\n\r\ntwo B\r\n----\r\n'),
    )
    expect(hashOf(form('other'), 'other')).toBe(hashOf(form('B'), 'B'))
  })

  test('tells text in a form from a delimiter, whatever the boundary', () => {
    const two = '--B\r\nhead\r\n\r\none\r\n--B\r\nhead\r\n\r\ntwo\r\n--B--\r\n'
    const one = '--B\r\nhead\r\n\r\none\r\n--\r\nhead\r\n\r\ntwo\r\n--B--\r\n'
    const other = '--B\r\nhead\r\n\r\none\r\n--X\r\nhead\r\n\r\ntwo\r\n--B--\r\n'
    expect(hashOf(one, 'B')).not.toBe(hashOf(two, 'B'))
    expect(hashOf(other, 'B')).not.toBe(hashOf(two, 'B'))
    expect(hashOf(one.replaceAll('--B', '--new'), 'new')).toBe(hashOf(one, 'B'))
  })

  test('takes no longer for a file that is full of the boundary', () => {
    const form = (content: string) => `--a\r\nhead\r\n\r\n${content}\r\n--a--\r\n`
    const timed = (content: string) => {
      const body = form(content)
      const startedAtMs = performance.now()
      hashOf(body, 'a')
      return performance.now() - startedAtMs
    }
    const honestMs = timed('b'.repeat(4_000_000))
    expect(timed('a'.repeat(4_000_000))).toBeLessThan(10 * honestMs + 100)
  })

  test('is of the part that is asked for, where the route lets clients ask for one', () => {
    const hash = (headers: Record<string, string>, conditional: boolean) => {
      const request = new Request('http://localhost/v1/x', {
        headers: { accept: '*/*', ...headers },
      })
      const body = { bytes: new Uint8Array(), content: {} }
      return claimOf('one', request, '/v1/x', body, { conditional }, apiKey)?.requestHash
    }
    const whole = hash({}, true)
    expect(whole).toBe(hash({}, false))
    const ranges = ['bytes=0-3', 'bytes=4-7'].map((range) => hash({ range }, true))
    const conditions = ['If-Range', 'If-Match', 'If-None-Match', 'If-Modified-Since'].map((name) =>
      hash({ [name]: '"a"', range: 'bytes=0-3' }, true),
    )
    expect(new Set([whole, ...ranges, ...conditions]).size).toBe(7)
    expect(hash({ range: 'bytes=0-3', 'if-range': '"a"' }, true)).toBe(
      hash({ 'If-Range': '"a"', Range: 'bytes=0-3' }, true),
    )
    expect(hash({ range: 'bytes=0-3' }, false)).toBe(whole)
  })
})
