/** A client that is generated from the gateway's own document has types for all that it gets, refusals above all. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { type ApiDocument, checkDocument } from '../support/api-document.ts'
import { chatConfig } from '../support/chat.ts'
import { type ClientFolder, openClientFolder } from '../support/generated-client.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'

let shop: Shop
let document: ApiDocument
let client: ClientFolder
beforeAll(async () => {
  shop = await openShop({ config: chatConfig() })
  document = (await (await fetch(`${shop.gateway.url}/docs/json`)).json()) as ApiDocument
  client = await openClientFolder(document)
})
afterAll(async () => {
  client[Symbol.dispose]()
  await shop.close()
})

const tokenOf = (subject: string) => signToken({ secret: jwtSecret, subject, expiresInSeconds: 60 })

const page = readFileSync(join(import.meta.dir, '../../docs/client.md'), 'utf8')
const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(page) ?? []

test('the program of docs/client.md compiles, issues a key, makes a call and lists what it cost', async () => {
  expect(await client.compile(example)).toBe('')
  const { tryKey } = await client.load(example)
  const { keyId, charged } = await tryKey(shop.gateway.url, await tokenOf('olga'))
  expect(charged).toBe(1)
  const [issued] = await shop.ledger.sql`select from key_state where key_id = ${keyId}`
  expect(issued).toBeDefined()
})

test('the program of docs/client.md says what the gateway refused', async () => {
  const { tryKey } = await client.load(example)
  const failure = await tryKey(shop.gateway.url, 'nonsense').catch((error: Error) => error)
  expect(failure.message).toStartWith('unauthorized: ')
})

/** The codes that the document gives to an operation. */
function codesOf(method: string, path: string): string[] {
  const { find, responseOf } = checkDocument(document)
  const operation = find(method, path)
  return Object.keys(operation.responses).flatMap((status) => {
    const content = responseOf(operation, status)?.content?.['application/problem+json']
    return Object.keys(content?.examples ?? {})
  })
}

/** A program that has a case for each code, and returns the code of the refusal of a request without credentials. */
function exhaustiveProgram(method: string, path: string, init: string, codes: readonly string[]) {
  return `
import createClient from 'openapi-fetch'
import type { paths } from './gateway.d.ts'

export async function ask(baseUrl: string): Promise<string> {
  const client = createClient<paths>({ baseUrl })
  const { error } = await client.${method.toUpperCase()}('${path}', ${init})
  if (error === undefined) return 'done'
  if (typeof error === 'string') return 'upstream'
  switch (error.code) {
${codes.map((code) => `    case '${code}': return '${code}'`).join('\n')}
    default: return error satisfies never
  }
}
`
}

const operations = [
  ['post', '/api-keys', `{ body: { name: 'x' } }`, 'unauthorized'],
  ['post', '/v1/search', `{ body: { query: 'x' } }`, 'missing_key'],
  ['get', '/v1/tts/voices', '{}', 'missing_key'],
  ['get', '/admin/api-keys', '{}', 'unauthorized'],
] as const

test.each(operations)(
  '%s %s: a switch over the codes of its refusals is exhaustive',
  async (method, path, init, refused) => {
    const codes = codesOf(method, path)
    expect(codes.length).toBeGreaterThan(3)
    const whole = exhaustiveProgram(method, path, init, codes)
    expect(await client.compile(whole)).toBe('')
    const { ask } = await client.load(whole)
    expect(await ask(shop.gateway.url)).toBe(refused)

    const withoutOne = exhaustiveProgram(method, path, init, codes.slice(1))
    expect(await client.compile(withoutOne)).toContain("does not satisfy the expected type 'never'")
    const other = exhaustiveProgram(method, path, init, [...codes, 'no_such_code'])
    expect(await client.compile(other)).toContain('no_such_code')
  },
)

test('objects take fields that the document does not name: messages, what they are made of, and settings of a model', async () => {
  const program = `
import createClient from 'openapi-fetch'
import type { paths } from './gateway.d.ts'

type ChatBody = paths['/v1/chat/completions']['post']['requestBody']['content']['application/json']

export async function chat(baseUrl: string, key: string) {
  const client = createClient<paths>({ baseUrl, headers: { 'X-API-Key': key } })
  const body: ChatBody = {
    model: 'm',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }],
    metadata: { deep: [1] },
  }
  const { data } = await client.POST('/v1/chat/completions', { body })
  return data
}
`
  expect(await client.compile(program)).toBe('')
  const said = { choices: [{ index: 0, message: { content: 'hi' } }], usage: { total_tokens: 2 } }
  shop.upstream.respond(() => Response.json(said))
  const { chat } = await client.load(program)
  expect(await chat(shop.gateway.url, shop.key.text)).toEqual(said)
  const [sent] = shop.upstream.executed
  expect(JSON.parse(new TextDecoder().decode(sent?.body))).toEqual({
    model: 'm',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }],
    metadata: { deep: [1] },
  })
})
