/** The API documentation as a promise: `expectDocumented` compares a response with the document. */
import { expect } from 'bun:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Operation, ResponseObject } from '../../src/http/openapi/openapi-types.ts'

export interface ApiDocument {
  readonly openapi: string
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

export interface DocumentCheck {
  readonly document: ApiDocument
  /** `post /v1/search` and its operation, for every route, in the document's order. */
  readonly operations: readonly (readonly [where: string, operation: Operation])[]
  /** The operation of a request. */
  find(method: string, path: string): Operation
  /** The response with this status, also one that operations refer to. */
  responseOf(operation: Operation, status: number | string): ResponseObject | undefined
  /** The faults of a value by the schema, which may refer to components of the document. */
  faults(schema: unknown, value: unknown): unknown[]
  /** Expects status, media type, body and headers as the document describes them; resolves with the body. */
  expectDocumented(method: string, path: string, response: Response): Promise<unknown>
}

export function checkDocument(document: ApiDocument): DocumentCheck {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema({ ...document, $id: 'document' })
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method} ${path}`, operation] as const),
  )

  /** The gateway's headers; an upstream may send others. */
  const ours = Object.keys(document.components.headers ?? {}).map((name) => name.toLowerCase())

  function find(method: string, path: string): Operation {
    const matches = (where: string) =>
      new RegExp(`^${where.replace(/\{\w+\}/g, '[^/]+')}$`, 'i').test(`${method} ${path}`)
    const found = operations.find(([where]) => matches(where))
    if (!found) throw new Error(`${method} ${path} is not documented`)
    return found[1]
  }

  function responseOf(operation: Operation, status: number | string): ResponseObject | undefined {
    const response = operation.responses[status] as (ResponseObject & { $ref?: string }) | undefined
    const name = response?.$ref?.split('/').at(-1)
    return name ? (document.components.responses?.[name] as ResponseObject) : response
  }

  function faults(schema: unknown, value: unknown): unknown[] {
    const text = JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document#/')
    const check = ajv.compile(JSON.parse(text))
    check(value)
    return check.errors ?? []
  }

  async function expectDocumented(method: string, path: string, response: Response) {
    const where = `${method} ${path} ${response.status}`
    const described = responseOf(find(method, path), response.status)
    expect(described, `${where} is documented`).toBeDefined()
    const known = Object.keys(described?.headers ?? {}).map((name) => name.toLowerCase())
    const silent = ours.filter((name) => response.headers.has(name) && !known.includes(name))
    expect([where, silent]).toEqual([where, []])

    const type = response.headers.get('content-type')?.split(';')[0] ?? ''
    const ranges = [type, `${type.split('/')[0]}/*`, '*/*']
    const range = ranges.find((range) => described?.content && range in described.content)
    expect(range, `${where} may be ${type}`).toBeDefined()
    if (!type.endsWith('json')) return response.bytes()
    const body = await response.json()
    const schema = described?.content?.[range ?? '']?.schema
    // Of bytes the document says nothing more, whatever they are.
    if ((schema as { format?: string } | undefined)?.format === 'binary') return body
    expect([where, faults(schema ?? true, body)]).toEqual([where, []])
    const codes = described?.content?.[range ?? '']?.examples
    if (codes) expect(Object.keys(codes), where).toContain(body.code)
    return body
  }

  return { document, operations, find, responseOf, faults, expectDocumented }
}
