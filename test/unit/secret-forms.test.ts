import { describe, expect, test } from 'bun:test'
import { loggedError } from '../../src/cli/logged-error.ts'
import { redactor } from '../../src/lib/redact.ts'
import { secretFinder } from '../../src/lib/secret-forms.ts'

const secret = `it's-S3cret+val(ue)! "é"/&=x`
const inUrl = new URL(`http://u.test/?a=${encodeURIComponent(secret)}`).search
const repeats = secretFinder([secret])
const redact = redactor(['sk_live_'], [secret])
const base64 = (text: string) => Buffer.from(text).toString('base64')

const forms: Record<string, string> = {
  'as it is': secret,
  'in lower case': secret.toLowerCase(),
  'in upper case': secret.toUpperCase(),
  'percent-encoded': encodeURIComponent(secret),
  'as a URL parser writes it': inUrl,
  'as a form has it': new URLSearchParams({ a: secret }).toString(),
  'percent-encoded twice': encodeURIComponent(inUrl),
  'percent-encoded in part, in lower case': secret.replaceAll("'", '%27').replaceAll('/', '%2f'),
  'percent-encoded wholly': [...Buffer.from(secret)].map((b) => `%${b.toString(16)}`).join(''),
  'in JSON': JSON.stringify(secret),
  'in JSON in JSON': JSON.stringify(JSON.stringify(secret)),
  'in base64': base64(secret),
  'in base64 with a name before it': base64(`u:${secret}`),
  'in base64 with a longer name before it': base64(`us:${secret}!`),
  'in base64url': Buffer.from(`ab${secret}`).toString('base64url'),
  'in base64, percent-encoded': encodeURIComponent(base64(`u:${secret}`)),
  'in hex': Buffer.from(secret).toString('hex'),
  'in upper-case hex': Buffer.from(secret).toString('hex').toUpperCase(),
}

describe('a secret is found and replaced', () => {
  test.each(Object.entries(forms))('%s', (_, form) => {
    expect(repeats?.(`before ${form} after`)).toBe(true)
    const text = redact(`before ${form} after`)
    expect(text).toContain('[secret]')
    expect(repeats?.(text)).toBe(false)
  })
})

test('other texts are left alone', () => {
  for (const text of ['%27%28+\\', secret.slice(1), secret.slice(0, -1), '', 'no secret']) {
    expect(repeats?.(text)).toBe(false)
    expect(redact(text)).toBe(text)
  }
  expect(secretFinder([])).toBeUndefined()
})

test('a log says of an error what it is, and nothing of the path or the query of a URL', async () => {
  const error = await fetch('http://127.0.0.1:1/of-a-client?key=private').catch((error) => error)
  const logged = JSON.stringify(loggedError(error))
  expect(logged).toMatch(/ConnectionRefused|ECONNREFUSED/)
  expect(logged).not.toMatch(/of-a-client|private/)
  const named = loggedError(new Error('GET http://u.test:1/of-a-client?key=private failed'))
  expect(named).toMatchObject({ type: 'Error', message: 'GET http://u.test:1/… failed' })
  expect(JSON.stringify(named)).not.toMatch(/of-a-client|private/)
  const both = new AggregateError([error], 'both')
  expect(JSON.stringify(loggedError(both))).not.toContain('private')
  const database = Object.assign(new Error('x'), { code: '23505', constraint: 'one', path: 'a/b' })
  expect(loggedError(database)).toMatchObject({ code: '23505', constraint: 'one' })
})
