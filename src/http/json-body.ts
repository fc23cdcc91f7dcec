/** The bodies of management requests: small, JSON, and nothing in them that the book could not keep. */
import { invalidRequest } from './refused.ts'
import { RequestRefused } from './request-refused.ts'
import { textFault } from './text-fault.ts'

/** Far more than any of these requests needs. */
const maxBytes = 65_536

/**
 * Elysia's parser for all management routes: the body as JSON, undefined when there is none.
 * @throws RequestRefused for anything else
 */
export async function readJson({ request }: { readonly request: Request }): Promise<unknown> {
  if (request.body === null || request.headers.get('content-length') === '0') return undefined
  if (!/^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(contentTypeOf(request))) {
    throw new RequestRefused({
      code: 'unsupported_media_type',
      detail: 'Expected Content-Type: application/json.',
    })
  }
  return parse(await textOf(request))
}

function contentTypeOf(request: Request): string {
  return request.headers.get('content-type')?.trim() ?? ''
}

async function textOf(request: Request): Promise<string> {
  const tooLarge = {
    code: 'body_too_large',
    detail: `The body exceeds ${maxBytes} bytes.`,
  } as const
  if (Number(request.headers.get('content-length')) > maxBytes) throw new RequestRefused(tooLarge)
  const bytes = await readUpTo(request, maxBytes)
  if (bytes === undefined) throw new RequestRefused(tooLarge)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid('The body is not UTF-8.')
  }
}

/** The whole body, or undefined as soon as there is more: a length need not be announced. */
async function readUpTo({ body }: Request, most: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > most) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}

function parse(text: string): unknown {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw invalid('The body is not JSON.')
  }
  // Elysia lets lists, numbers and texts through where a body is optional or has no required field.
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw invalid('The body is not a JSON object.')
  }
  const fault = textFault(json)
  if (fault) throw new RequestRefused(invalidRequest([fault]))
  return json
}

function invalid(detail: string): RequestRefused {
  return new RequestRefused({ ...invalidRequest([{ pointer: '', detail }]), detail })
}
