/** What the demo upstreams share: the type of their routes, a checked JSON body, and two error responses. */

import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

export type Handler = (request: Request, url: URL) => Response | Promise<Response>

/** Handlers by method and path, such as `POST /transcribe`. */
export type Routes = Readonly<Record<string, Handler>>

interface Fault {
  /** The field of the body, such as `options.limit`; empty for the body as a whole. */
  readonly field: string
  readonly message: string
}

type Checked<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Fault)

/** Reads the JSON of a request and checks it. Of several faults it names the first. */
export async function readJson<T extends TSchema>(
  request: Request,
  schema: T,
): Promise<Checked<Static<T>>> {
  let body: unknown
  try {
    body = await request.json()
  } catch {
    return { ok: false, field: '', message: 'The body is not valid JSON' }
  }
  if (Value.Check(schema, body)) return { ok: true, value: body }
  const fault = Value.Errors(schema, body).First()
  const field = fault?.path.slice(1).replaceAll('/', '.') ?? ''
  return { ok: false, field, message: fault?.message ?? 'Invalid' }
}

/** An error in the shape of the search API. */
export function badRequest({ field, message }: Fault): Response {
  return Response.json(
    { statusCode: 400, error: 'Bad Request', message: `${field || 'body'}: ${message}` },
    { status: 400 },
  )
}

/** An error in the shape of the two speech APIs, which name the field of each fault. */
export function unprocessable({ field, message }: Fault): Response {
  const detail = [
    { type: 'value_error', loc: ['body', ...(field ? field.split('.') : [])], msg: message },
  ]
  return Response.json({ detail }, { status: 422 })
}
