/**
 * Refusals as RFC 9457 problem documents. `statusCode` and `message` repeat `status` and `detail` for programs that
 * were written for the replaced service. The proxy and the management routes both respond with them.
 */

import type { Provider } from '../providers/provider.ts'
import {
  isWorthRetrying,
  type Refusal,
  type RefusalCode,
  type RefusalExtensions,
  refusals,
} from './refusal.ts'

/** The body of every refusal. */
export interface ProblemDocument extends RefusalExtensions {
  /** `/problems/<code>`: a stable reference, relative to the gateway. */
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: RefusalCode
  readonly requestId: string
  readonly statusCode: number
  readonly message: string
}

/** The body of a refusal. */
export function problemDocument(
  code: RefusalCode,
  { requestId, detail, ...extensions }: { requestId: string; detail: string } & RefusalExtensions,
): ProblemDocument {
  const { status, title } = refusals[code]
  return {
    type: `/problems/${code}`,
    title,
    status,
    detail,
    code,
    requestId,
    statusCode: status,
    message: detail,
    ...extensions,
  }
}

/** The response to a refused request. `headers` win over those that every problem has. */
export function problem(
  code: RefusalCode,
  content: { requestId: string; detail: string } & RefusalExtensions,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return responseOf(problemDocument(code, content), headers)
}

/**
 * The response to a refusal.
 * @param provider whose API the refusing route stands in for: its clients find what they read of a refusal, too
 */
export function problemOf(refusal: Refusal, requestId: string, provider?: Provider): Response {
  const { code, detail, extensions, headers } = refusal
  const document = problemDocument(code, { ...extensions, requestId, detail })
  if (!provider) return responseOf(document, headers)
  const retryAfter = headers?.['Retry-After']
  return responseOf(forClientsOf(provider, document), {
    ...headers,
    ...provider.retryHeaders(
      isWorthRetrying(refusal),
      retryAfter === undefined ? undefined : Number(retryAfter),
    ),
  })
}

/** The document with what clients of the provider read in it. */
export function forClientsOf(provider: Provider, document: ProblemDocument): ProblemDocument {
  const { status, code, detail, requestId, errors } = document
  const pointer = errors?.[0]?.pointer
  return { ...document, ...provider.errorMembers({ status, code, detail, requestId, pointer }) }
}

function responseOf(
  document: ProblemDocument,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { status, requestId } = document
  const all = new Headers({
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    'X-Request-Id': requestId,
  })
  // The same challenge on every 401, whatever was wrong: it must not reveal what the body does not.
  if (status === 401) all.set('WWW-Authenticate', 'Bearer realm="tollbook"')
  for (const [name, value] of Object.entries(headers)) all.set(name, value)
  return new Response(JSON.stringify(document), { status, headers: all })
}
